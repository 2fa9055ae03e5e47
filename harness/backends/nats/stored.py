"""Reading what a stream holds, asked of its leader message by message and past every group.

Neither a temporary consumer nor a direct get will do: both may be answered by a replica that is
behind. The leader answers by sequence; requests are pipelined, so that ten thousand messages take
about a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nats.js.errors import APIError, NotFoundError

from harness.backends.nats.wire import decode_stored
from harness.model.message import Message, Position, Stored

if TYPE_CHECKING:
    from nats.aio.client import Client as LibraryClient

_ANSWER = 5.0
_PIPELINED = 128


async def request(nats: LibraryClient, verb: str, body: dict[str, Any], timeout: float) -> dict[str, Any]:
    """One request to JetStream's own interface; raises ``APIError`` with what it answers."""
    reply = await nats.request(f"$JS.API.{verb}", json.dumps(body).encode(), timeout=timeout)
    answer: dict[str, Any] = json.loads(reply.data)
    if "error" in answer:
        raise APIError.from_error(answer["error"])
    return answer


async def read_message(nats: LibraryClient, stream: str, sequence: int) -> Message | None:
    """The message at ``sequence``, ``None`` if the stream does not hold it (any more)."""
    try:
        answer = await request(nats, f"STREAM.MSG.GET.{stream}", {"seq": sequence}, _ANSWER)
    except NotFoundError:
        return None
    return decode_stored(answer["message"])


async def read_stream(nats: LibraryClient, stream: str) -> Sequence[Stored]:
    """All the stream held when asked, in its order; raises what any one request raised."""
    state = (await request(nats, f"STREAM.INFO.{stream}", {}, _ANSWER))["state"]
    sequences = iter(range(state["first_seq"], state["last_seq"] + 1))
    held: dict[int, Message] = {}

    async def read_on() -> None:
        for sequence in sequences:
            message = await read_message(nats, stream, sequence)
            if message is not None:
                held[sequence] = message

    async with asyncio.TaskGroup() as readers:
        for _ in range(_PIPELINED):
            readers.create_task(read_on())
    return [Stored(Position(0, sequence), held[sequence]) for sequence in sorted(held)]

"""Dead letters: a message a group has used up is copied to the destination's dead letter.

The server does not do it. It announces an exhausted message once, on a subject, to whoever listens
(core NATS: at most once); so a stream captures the announcements of a destination, and a member
that receives works them off first: reads the message from its stream, publishes it to the dead
letter under a deduplication key, and only then settles the announcement. A member that dies in
between leaves it to the next one. The message itself *stays in its stream*, as the server has it.

The announcement of a pull consumer is made when a request for messages is open, so an exhausted
message is buried only while somebody of its group goes on receiving.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.backends.nats.stored import read_message
from harness.backends.nats.wire import advisories_name, encode_headers, native_name, stream_name
from harness.model.destination import Destination
from harness.model.message import Message

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

    from harness.backends.nats.connection import Connection

_ANSWER = 2.0
_ONE_NOW = b'{"batch": 1, "no_wait": true}'


class DeadLetters:
    """What one group does about messages it cannot process; ``sweeps`` if announcements are captured."""

    def __init__(
        self,
        connection: Connection,
        js: JetStreamContext,
        destination: Destination,
        group: str,
        *,
        sweeps: bool,
    ) -> None:
        self._nats = connection.nats
        self._js = js
        self._stream = stream_name(destination)
        self._advisories = advisories_name(destination)
        self._consumer = native_name(group)
        self._dead_letter = destination.dead_letter
        self._sweeps = sweeps

    async def sweep(self) -> None:
        """Bury every message announced as exhausted; raises what the client raises."""
        while self._sweeps and (announcement := await self._next()) is not None:
            sequence = int(json.loads(announcement.data)["stream_seq"])
            message = await read_message(self._nats, self._stream, sequence)
            if message is not None:
                await self.bury(sequence, message)
            await self._nats.request(announcement.reply, b"+ACK", timeout=_ANSWER)

    async def bury(self, sequence: int, message: Message) -> None:
        """Publish a copy to the dead letter, if there is one; twice within its window is once."""
        if self._dead_letter is None:
            return
        copy = replace(message, deduplication_key=f"{self._stream}/{self._consumer}/{sequence}")
        headers = encode_headers(copy)
        await self._js.publish(self._dead_letter.name, copy.payload, timeout=_ANSWER, headers=headers)

    async def _next(self) -> Msg | None:
        # With an inbox of its own (old_style): the library sorts the answers in its shared inbox by
        # their subject, and a delivered message bears the one it was stored under.
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._advisories}.{self._consumer}"
        answer = await self._nats.request(subject, _ONE_NOW, timeout=_ANSWER, old_style=True)
        return None if "Status" in (answer.headers or {}) else answer

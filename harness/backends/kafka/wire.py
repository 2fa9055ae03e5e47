"""Kafka's protocol as far as we speak it ourselves: primitive types, and one request per connection.

librdkafka asks whichever broker it likes, keeps what it was told before, and blocks; and its admin
client aborts the *process* when an answer comes after its request has timed out, as under a fault it
will (librdkafka#4605 and #3663, seen with 2.16.0 by pausing a coordinator). An observation has to ask
*one* node, now, and to give up in time. Formats: https://kafka.apache.org/protocol.html. Everything
is big-endian; "flexible" requests have compact lengths and end structures with tagged fields.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from harness.model.cluster import Endpoint

_CLIENT = b"broker-harness"
_T = TypeVar("_T")


class Api(NamedTuple):
    """A request's key and version."""

    key: int
    version: int
    flexible: bool = False


class Answer:
    """A cursor over a response."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def number(self, size: int) -> int:
        """A signed integer of ``size`` bytes."""
        return int.from_bytes(self._take(size), "big", signed=True)

    def text(self) -> str:
        """A string, empty when null."""
        return self._take(max(0, self.number(2))).decode()

    def items(self, item: Callable[[], _T]) -> tuple[_T, ...]:
        """An array."""
        return tuple(item() for _ in range(self.number(4)))

    def compact(self) -> int:
        """An unsigned variable-length integer."""
        value = shift = 0
        while True:
            (byte,) = self._take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the high bit says that more follow
                return value
            shift += 7

    def compact_items(self, item: Callable[[], _T]) -> tuple[_T, ...]:
        """A compact array: its length plus one goes before it."""
        return tuple(item() for _ in range(self.compact() - 1))

    def compact_text(self) -> str:
        """A compact string."""
        return self._take(max(0, self.compact() - 1)).decode()

    def tags(self) -> None:
        """Skip the tagged fields that end every flexible structure."""
        for _ in range(self.compact()):
            self.compact()
            self._take(self.compact())

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise ConnectionError(f"a response of {len(self._data)} bytes ends too soon")
        self._at += count
        return taken


def text(value: str) -> bytes:
    """A string."""
    raw = value.encode()
    return struct.pack(">h", len(raw)) + raw


def array(items: Iterable[bytes]) -> bytes:
    """An array."""
    encoded = list(items)
    return struct.pack(">i", len(encoded)) + b"".join(encoded)


async def exchange(endpoint: Endpoint, api: Api, body: bytes, within: float) -> Answer:
    """Send one request on a connection of its own; the answer is at the first field of its body.

    Raises ``OSError`` (``TimeoutError`` is one) when no answer came ``within`` seconds.
    """
    header = struct.pack(">hhih", api.key, api.version, 1, len(_CLIENT)) + _CLIENT
    message = header + (b"\x00" if api.flexible else b"") + body
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        try:
            writer.write(struct.pack(">i", len(message)) + message)
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            answer = Answer(await reader.readexactly(size))
        except asyncio.IncompleteReadError as error:
            raise ConnectionError(f"{endpoint} closed the connection without an answer") from error
        finally:
            writer.close()
    answer.number(4)  # correlation id: there is one request on this connection
    if api.flexible:
        answer.tags()
    return answer

"""One raw connection to a node, as faults on links are observed: no client library, nothing hidden.

Client libraries connect again by themselves, which is what must not happen where the question is
whether *this* connection still answers. What differs between protocols is a few byte strings.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.model.cluster import Endpoint

CONNECT = 2.0
"""Seconds a connection has to be greeted."""

_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a protocol is spoken here.

    ``request`` makes a request of about ``size`` bytes whose answer holds ``token`` of ``request``'s
    first argument. ``hello`` is sent first. ``goodbye`` makes the node end the connection.
    ``keepalive`` is what the node may ask at any time, and what it is told.
    """

    request: Callable[[bytes, int], bytes]
    goodbye: bytes
    largest: int
    hello: bytes = b""
    echoes: bool = True
    keepalive: tuple[bytes, bytes] = (b"", b"")
    token: Callable[[int], bytes] = lambda number: b"<%08d>" % number


class Conversation:
    """A connection that speaks a dialect (``backends.contract.Talk``)."""

    def __init__(self, dialect: Dialect, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._dialect = dialect
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self.received = 0
        self.reads = 0

    @property
    def largest(self) -> int:
        """The most bytes a request can carry."""
        return self._dialect.largest

    @property
    def echoes(self) -> bool:
        """Whether an answer is as large as its request."""
        return self._dialect.echoes

    async def ask(self, within: float, size: int = 0) -> float:
        """The seconds one request that carries ``size`` bytes takes to be answered."""
        token = self._dialect.token(next(self._numbers))
        started = time.monotonic()
        async with asyncio.timeout(within):
            self._writer.write(self._dialect.request(token, min(size, self.largest)))
            await self._read_until(token)
        return time.monotonic() - started

    async def dismissed(self, within: float) -> float:
        """Have the node end the connection, and return the seconds until that is seen here."""
        started = time.monotonic()
        async with asyncio.timeout(within):
            self._writer.write(self._dialect.goodbye)
            try:
                while True:
                    await self._read()
            except ConnectionError:
                return time.monotonic() - started

    def close(self) -> None:
        """Drop it without waiting for anybody."""
        self._writer.transport.abort()

    async def _read_until(self, token: bytes) -> None:
        tail = b""
        while token not in tail:
            tail = tail[-len(token) :] + await self._read()

    async def _read(self) -> bytes:
        data = await self._reader.read(_CHUNK)
        if not data:
            raise ConnectionResetError("the connection was ended by the other side")
        self.received += len(data)
        self.reads += 1
        asked, told = self._dialect.keepalive
        if asked and asked in data:
            self._writer.write(told)
        return data


async def converse(endpoint: Endpoint, dialect: Dialect) -> Conversation:
    """Connect and have one request answered; raises ``OSError`` when that takes over ``CONNECT`` seconds."""
    async with asyncio.timeout(CONNECT):
        reader, writer = await asyncio.open_connection(*endpoint)
    conversation = Conversation(dialect, reader, writer)
    try:
        writer.write(dialect.hello)
        await conversation.ask(CONNECT)
    except BaseException:
        conversation.close()
        raise
    return conversation

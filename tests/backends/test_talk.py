"""A raw conversation tells silence from an end, and its own answer from an older one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from harness.backends.talk import Conversation, Dialect, converse
from harness.model.cluster import Endpoint

pytestmark = pytest.mark.anyio

DIALECT = Dialect(
    request=lambda token, size: b"." * (size - len(token)) + token + b"\n",
    goodbye=b"bye\n",
    largest=5000,
    hello=b"hello\n",
    keepalive=(b"there?", b"here\n"),
)
Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


async def echo(line: bytes, writer: asyncio.StreamWriter) -> None:
    """Say the same."""
    writer.write(line)


@asynccontextmanager
async def conversation(answer: Answer = echo) -> AsyncIterator[Conversation]:
    """A conversation with a server that greets, echoes the first request, and then answers by ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            assert await reader.readline() == b"hello\n"
            writer.write(await reader.readline())
            while (line := await reader.readline()) and line != DIALECT.goodbye:
                await answer(line, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()
            left.set()

    left = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    talk = await converse(Endpoint(*server.sockets[0].getsockname()[:2]), DIALECT)
    try:
        yield talk
    finally:
        talk.close()
        await left.wait()
        server.close()
        await server.wait_closed()


async def test_an_answer_is_timed_and_counted() -> None:
    """A request of a size is answered in as many bytes, and in some time."""
    async with conversation() as talk:
        before = talk.received
        assert 0 < await talk.ask(1.0, 1000) < 1.0
        assert talk.received - before == 1001


async def test_a_request_has_no_more_than_the_largest_size() -> None:
    """What is asked for beyond that is left out."""
    async with conversation() as talk:
        before = talk.received
        await talk.ask(1.0, 10 * DIALECT.largest)
        assert talk.received - before == DIALECT.largest + 1


async def test_silence_is_a_timeout_and_no_end() -> None:
    """A connection that says nothing is still there; a late answer is not taken for that of a new request."""
    held: list[bytes] = []

    async def late(line: bytes, writer: asyncio.StreamWriter) -> None:
        held.append(line)
        if len(held) > 1:
            writer.write(held[0])
            await asyncio.sleep(0.05)
            writer.write(line)

    async with conversation(late) as talk:
        with pytest.raises(TimeoutError):
            await talk.ask(0.05)
        assert await talk.ask(1.0) >= 0.05


async def test_an_end_is_a_connection_error() -> None:
    """A connection that the other side ends is told from one that is silent."""

    async def leave(line: bytes, writer: asyncio.StreamWriter) -> None:
        del line
        writer.close()

    async with conversation(leave) as talk:
        with pytest.raises(ConnectionError):
            await talk.ask(1.0)


async def test_a_node_that_is_told_goodbye_ends_the_connection() -> None:
    """The time until the end is seen is returned."""
    async with conversation() as talk:
        assert 0 <= await talk.dismissed(1.0) < 1.0


async def test_a_keepalive_is_answered() -> None:
    """Whoever asks whether we are there is told so, while we wait."""
    heard: list[bytes] = []

    async def ask_back(line: bytes, writer: asyncio.StreamWriter) -> None:
        heard.append(line)
        writer.write(heard[0] if len(heard) > 1 else b"there?")

    async with conversation(ask_back) as talk:
        await talk.ask(1.0)
        assert heard[1] == b"here\n"

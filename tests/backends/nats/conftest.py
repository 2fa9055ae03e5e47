"""A NATS server that says what a test has it say, on a loopback port, and a cluster made of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.link import Link

Reply = bytes
Answers = Callable[[str, bytes], list[tuple[str, bytes, bytes]]]
"""Given a request's subject and body: ``(subject of the answer or "", header block, body)`` of each."""


class ScriptedServer:
    """Speaks enough of the NATS protocol for one client, and answers requests by ``answers``.

    ``mute`` stops every word of it, as a frozen process would; ``heard`` keeps what was published.
    """

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.mute = False
        self.heard: list[tuple[str, bytes]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self._subscribers: dict[str, str] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if not self.mute:
            hello = {"server_id": "S", "version": "2.15.2", "max_payload": 1 << 23, "headers": True}
            writer.write(b"INFO " + json.dumps(hello).encode() + b"\r\n")
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while line := (await reader.readline()).decode().split():
                await self._obey(line, reader, writer)

    async def _obey(
        self, line: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match line:
            case ["PING"] if not self.mute:
                writer.write(b"PONG\r\n")
            case ["SUB", subject, number]:
                self._subscribers[subject.removesuffix("*")] = number
            case ["PUB" | "HPUB", subject, *middle, size]:
                body = (await reader.readexactly(int(size) + 2))[:-2]
                headers = int(middle.pop()) if line[0] == "HPUB" else 0
                self.heard.append((subject, body))
                if not self.mute:
                    self.say(writer, middle[0] if middle else "", subject, body[headers:])

    def say(self, writer: asyncio.StreamWriter, reply: str, subject: str, body: bytes) -> None:
        """Write the scripted answers to a request: on ``reply``, or as a message stored elsewhere."""
        number = next((sid for prefix, sid in self._subscribers.items() if reply.startswith(prefix)), "")
        for answer_subject, headers, answer in self.answers(subject, body):
            stored, _, ack = answer_subject.partition(" ")
            head = f"{stored or reply} {number} {ack}".rstrip()
            sizes = f"{len(headers)} {len(headers) + len(answer)}"
            writer.write(f"HMSG {head} {sizes}\r\n".encode() + headers + answer + b"\r\n")


class OneNode:
    """A cluster of one scripted server; every link and port leads to it."""

    spec = ClusterSpec("nats", "2.15.2", 1, "r1")
    nodes = ("n1",)

    def __init__(self, port: int) -> None:
        self._port = port

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        return Endpoint("127.0.0.1", self._port)


Start = Callable[[Answers], Awaitable[tuple[ScriptedServer, OneNode]]]


@pytest.fixture
async def start_server() -> AsyncIterator[Start]:
    """Return a function that starts a scripted server and returns it with its cluster."""
    started: list[tuple[asyncio.Server, ScriptedServer]] = []

    async def start(answers: Answers) -> tuple[ScriptedServer, OneNode]:
        scripted = ScriptedServer(answers)
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
        started.append((server, scripted))
        return scripted, OneNode(server.sockets[0].getsockname()[1])

    yield start
    for server, scripted in started:
        server.close()
        for writer in scripted.writers:
            writer.transport.abort()
        await server.wait_closed()
        await asyncio.sleep(0)

"""A server that speaks just enough of Redis's protocol to misbehave on purpose, and its cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.link import Link

SILENCE = object()
HANG_UP = object()

Answer = Callable[[list[bytes]], Any]


def encode(reply: Any) -> bytes:
    """A reply in RESP2: ``Exception`` is an error, ``str`` a status, a list an array."""
    match reply:
        case None:
            return b"$-1\r\n"
        case Exception():
            return f"-{reply}\r\n".encode()
        case str():
            return f"+{reply}\r\n".encode()
        case int():
            return f":{reply}\r\n".encode()
        case bytes():
            return b"$%d\r\n%s\r\n" % (len(reply), reply)
        case _:
            return b"*%d\r\n" % len(reply) + b"".join(map(encode, reply))


async def read_command(reader: asyncio.StreamReader) -> list[bytes]:
    """One command, an array of bulk strings."""
    count = int((await reader.readline())[1:])
    words = []
    for _ in range(count):
        size = int((await reader.readline())[1:])
        words.append((await reader.readexactly(size + 2))[:-2])
    return words


@dataclass
class Server:
    """Answers from ``answers`` by a command's first word; remembers every command it was sent."""

    answers: dict[str, Answer] = field(default_factory=dict)
    commands: list[list[bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.answers = {
            "CLIENT": lambda _: "OK",
            "PING": lambda _: "PONG",
            "ROLE": lambda _: [b"master", 0, []],
            **self.answers,
        }

    def sent(self, *words: str) -> list[list[bytes]]:
        """The commands received whose first word is one of ``words``."""
        return [command for command in self.commands if command[0].decode() in words]

    def hang_up(self) -> None:
        """End every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self.tasks.append(task)
        try:
            while True:
                command = await read_command(reader)
                self.commands.append(command)
                reply = self.answers[command[0].decode()](command)
                if reply is HANG_UP:
                    break
                if reply is not SILENCE:
                    writer.write(encode(reply))
                    await writer.drain()
        except (ValueError, OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@dataclass
class Nodes:
    """A cluster of servers on this machine; ``sentinels`` stand beside the servers."""

    servers: dict[str, Server]
    sentinels: dict[str, Server]
    tier: str = "everysec"

    @property
    def spec(self) -> ClusterSpec:
        return ClusterSpec("redis", "8.0.2", len(self.servers), self.tier)

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(self.servers)

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        of = self.sentinels if port == "sentinel" else self.servers
        return Endpoint("127.0.0.1", of[node].port)


class Stage:
    """Makes servers and Sentinels, starts them, and stops whatever it has started."""

    SILENCE = SILENCE
    HANG_UP = HANG_UP

    def __init__(self) -> None:
        self._listening: list[asyncio.Server] = []
        self._started: list[Server] = []

    def server(self, **answers: Answer) -> Server:
        """A primary, unless ``answers`` say otherwise."""
        return Server(answers)

    def sentinel(self, primary: str, epoch: int = 0) -> Server:
        """A Sentinel of the opinion that ``primary`` rules since failover number ``epoch``."""

        def answer(command: list[bytes]) -> Any:
            if command[1] == b"GET-MASTER-ADDR-BY-NAME":
                return [primary.encode(), b"6379"]
            return [b"ip", primary.encode(), b"config-epoch", str(epoch).encode()]

        return Server({"SENTINEL": answer})

    async def start(
        self, *servers: Server, sentinels: Sequence[Server] = (), tier: str = "everysec"
    ) -> Nodes:
        """Start them all on ports of their own, and return their cluster."""
        for server in (*servers, *sentinels):
            listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
            server.port = listener.sockets[0].getsockname()[1]
            self._listening.append(listener)
            self._started.append(server)
        names = [f"n{i}" for i in range(1, len(servers) + 1)]
        return Nodes(dict(zip(names, servers, strict=True)), dict(zip(names, sentinels, strict=False)), tier)

    async def stop(self) -> None:
        """Hang up on everybody, and wait until every connection's task has ended."""
        for listener in self._listening:
            listener.close()
        for server in self._started:
            server.hang_up()
        await asyncio.gather(*(task for server in self._started for task in server.tasks))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A stage of servers that do what a test has them do."""
    made = Stage()
    yield made
    await made.stop()

"""Brokers that say what a test has them say, on loopback ports, and a cluster made of them.

The bodies of their answers are put together by the protocol's tables, with nothing of the harness.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace

import pytest

from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.link import Link

Script = Mapping[int, bytes]
"""The body of the answer to each request key; what is not in it is never answered."""


class ScriptedBrokers:
    """Nodes ``n1`` ... that answer by their scripts; ``heard`` keeps (node, key, version, body)."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.nodes = tuple(f"n{i + 1}" for i in range(len(scripts)))
        self.spec = ClusterSpec("kafka", "4.3.1", len(scripts), "rf3")
        self.scripts = dict(zip(self.nodes, scripts, strict=True))
        self.heard: list[tuple[str, int, int, bytes]] = []
        self.ports: dict[str, int] = {}

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        """One port serves every link, and the controller."""
        return Endpoint("127.0.0.1", self.ports[node])

    def serve(self, node: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        """What answers one connection to ``node``."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = await reader.readexactly(size)
                key, version, correlation, name = struct.unpack(">hhih", request[:10])
                flexible = key == 55
                self.heard.append((node, key, version, request[10 + name + flexible :]))
                body = self.scripts[node].get(key)
                if body is None:
                    await reader.read()  # until the other side gives up
                    return
                whole = struct.pack(">i", correlation) + (b"\x00" if flexible else b"") + body
                writer.write(struct.pack(">i", len(whole)) + whole)
            except asyncio.IncompleteReadError:
                return
            finally:  # also when the test has ended first, and cancels this
                writer.close()

        return answer


Brokers = Callable[..., Awaitable[ScriptedBrokers]]


@pytest.fixture
async def brokers() -> AsyncIterator[Brokers]:
    """Return a function that starts a broker for each script and returns their cluster."""
    servers: list[asyncio.Server] = []

    async def start(*scripts: Script) -> ScriptedBrokers:
        cluster = ScriptedBrokers(scripts)
        for node in cluster.nodes:
            server = await asyncio.start_server(cluster.serve(node), "127.0.0.1", 0)
            servers.append(server)
            cluster.ports[node] = server.sockets[0].getsockname()[1]
        return cluster

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()
    await asyncio.sleep(0)


Partition = tuple[int, int, tuple[int, ...], tuple[int, ...]]
"""Leader, leader epoch, replicas, in-sync replicas."""


def text(value: str) -> bytes:
    """A string with its length before it."""
    return struct.pack(">h", len(value)) + value.encode()


def array(items: Iterable[bytes]) -> bytes:
    """An array with its length before it."""
    encoded = list(items)
    return struct.pack(">i", len(encoded)) + b"".join(encoded)


def numbers(values: Iterable[int]) -> bytes:
    """An array of 32-bit integers."""
    return array(struct.pack(">i", value) for value in values)


def metadata(brokers: Iterable[int], topics: Mapping[str, Mapping[int, Partition]]) -> bytes:
    """A Metadata answer, version 7."""
    throttle, cluster, controller = struct.pack(">i", 0), text("the-cluster"), struct.pack(">i", 1)
    return throttle + array(map(_broker, brokers)) + cluster + controller + array(map(_topic, topics.items()))


def coordinator(broker: int, error: int = 0) -> bytes:
    """A FindCoordinator answer, version 1, with a null message."""
    return struct.pack(">ihhi", 0, error, -1, broker) + text("host") + struct.pack(">i", 9092)


def quorum(leader: int, epoch: int, behind: Mapping[int, int], error: int = 0) -> bytes:
    """A DescribeQuorum answer, version 1; ``behind`` is each voter's delay in ms."""
    now = 1_700_000_000_000
    voters = b"".join(
        struct.pack(">iqqq", voter, 7, -1, now - delay) + b"\x00" for voter, delay in behind.items()
    )
    partition = (
        struct.pack(">ihiiq", 0, 0, leader, epoch, 7) + bytes([len(behind) + 1]) + voters + b"\x01\x00"
    )
    topic = b"\x13__cluster_metadata\x02" + partition + b"\x00"
    return struct.pack(">h", error) + b"\x02" + topic + b"\x00"


def created(errors: Mapping[str, int]) -> bytes:
    """A CreateTopics answer, version 2."""
    topics = (text(name) + struct.pack(">h", error) + text("why") for name, error in errors.items())
    return struct.pack(">i", 0) + array(topics)


def offsets(topic: str, ends: Mapping[int, tuple[int, int]]) -> bytes:
    """A ListOffsets answer, version 2: error and offset of each partition."""
    listed = (struct.pack(">ihqq", p, error, -1, offset) for p, (error, offset) in ends.items())
    return struct.pack(">i", 0) + array([text(topic) + array(listed)])


def committed(topic: str, found: Mapping[int, tuple[int, int]]) -> bytes:
    """An OffsetFetch answer, version 2: error and offset of each partition."""
    fetched = (struct.pack(">iqhh", p, offset, -1, error) for p, (error, offset) in found.items())
    return array([text(topic) + array(fetched)]) + struct.pack(">h", 0)


def _broker(number: int) -> bytes:
    return struct.pack(">i", number) + text("127.0.0.1") + struct.pack(">ih", 9092, -1)


def _topic(topic: tuple[str, Mapping[int, Partition]]) -> bytes:
    name, partitions = topic
    return (
        struct.pack(">h", 0 if partitions else 3)
        + text(name)
        + b"\x00"
        + array(map(_part, partitions.items()))
    )


def _part(partition: tuple[int, Partition]) -> bytes:
    index, (leader, epoch, replicas, in_sync) = partition
    return struct.pack(">hiii", 0, index, leader, epoch) + numbers(replicas) + numbers(in_sync) + numbers(())


@pytest.fixture
def bodies() -> SimpleNamespace:
    """Return the functions that make bodies of answers."""
    makers = (metadata, coordinator, quorum, created, offsets, committed)
    return SimpleNamespace(**{maker.__name__: maker for maker in makers})

"""A simulated cluster of three, and clients of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from harness.backends.memory import MemoryBackend
from harness.backends.memory.client import MemoryClient, MemorySubscription
from harness.backends.memory.cluster import MemoryCluster
from harness.backends.memory.observer import MemoryObserver
from harness.model.cluster import ClusterSpec
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.link import Link
from harness.waits import wait_for_condition


@dataclass(frozen=True, slots=True)
class World:
    """A cluster, and what makes its clients."""

    backend: MemoryBackend
    cluster: MemoryCluster

    @property
    def observer(self) -> MemoryObserver:
        """Our own eyes."""
        return self.backend.observer(self.cluster)

    async def client(self, link: Link = Link.PUBLISHER, name: str = "client") -> MemoryClient:
        """A connected client."""
        client = self.backend.client(self.cluster, link, name)
        await client.connect()
        return client

    async def destination(self, destination: Destination) -> Destination:
        """The destination, created."""
        client = await self.client(Link.ADMIN, "admin")
        await client.create_destination(destination)
        return destination

    async def member(self, destination: Destination, config: ConsumerConfig) -> MemorySubscription:
        """A member of the group, over a consumer link of its own."""
        client = await self.client(Link.CONSUMER, "consumer")
        return await client.subscribe(destination, config)

    async def something_waits(self) -> None:
        """Return when a request waits at a node."""

        async def waiting() -> int:
            return self.cluster.fabric.waiting

        await wait_for_condition(waiting, condition="a request waits at a node", within=5.0, every=0.001)


@pytest.fixture
def world() -> Iterator[World]:
    """Three nodes that replace a leader within 20 ms; clients are patient for 0.3 s."""
    backend = MemoryBackend(election=0.02, patience=0.3)
    cluster = backend.start(ClusterSpec("memory", "1", 3, "r3"), "tests", "")
    yield World(backend, cluster)
    cluster.remove()

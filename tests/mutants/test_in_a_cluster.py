"""What the simulated cluster tells its broker, without which faults of failovers would never show."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from harness.backends.memory import MemoryBackend
from harness.backends.memory.broker import Broker
from harness.backends.memory.cluster import MemoryCluster
from harness.model.cluster import ClusterSpec, Edge
from harness.model.destination import Destination
from harness.model.link import Link
from harness.model.message import Message
from harness.waits import wait_for_condition
from tests.mutants.storing import ForgetsTailOnRestart, ServesMinority

pytestmark = pytest.mark.anyio

ORDERS = Destination("orders", replicas=3)


class Told(Broker):
    """Remembers what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def crashed(self, now: float, led: Iterable[str]) -> None:
        self.events += [f"crashed {name}" for name in led if name]

    def promoted(self, now: float, destination: str) -> None:
        self.events.append(f"promoted {destination}")

    def restarted(self, now: float, held: Iterable[str]) -> None:
        self.events += [f"restarted {name}" for name in held if name]


def started(broker: type[Broker]) -> tuple[MemoryBackend, MemoryCluster]:
    """A cluster of three on the broker, with short elections."""
    backend = MemoryBackend(broker=broker, election=0.01)
    return backend, backend.start(ClusterSpec("memory", "1", 3, "r3"), "tests")


async def other_leader(backend: MemoryBackend, cluster: MemoryCluster, old: str) -> None:
    """Return when another node leads."""
    observer = backend.observer(cluster)

    async def moved() -> bool:
        return (await observer.leaders(ORDERS))[0] not in {old, ""}

    await wait_for_condition(moved, condition="another leader", within=5.0)


async def test_a_leaders_death_and_return_are_told_in_order() -> None:
    """Killed, replaced, started again; what does not change is not told."""
    backend, cluster = started(Told)
    admin = backend.client(cluster, Link.ADMIN, "admin")
    await admin.connect()
    await admin.create_destination(ORDERS)
    (leader,) = await backend.observer(cluster).leaders(ORDERS)
    cluster.start(leader)
    cluster.kill(leader)
    cluster.kill(leader)
    await other_leader(backend, cluster, leader)
    cluster.start(leader)
    broker = cluster.fabric.broker
    assert isinstance(broker, Told)
    assert broker.events == ["crashed orders", "promoted orders", "restarted orders"]


async def test_a_broken_minority_is_served_over_real_clients() -> None:
    """A client of the cut-off leader gets its acknowledgement, and the message is gone."""
    backend, cluster = started(ServesMinority)
    client = backend.client(cluster, Link.PUBLISHER, "publisher")
    await client.connect()
    await client.create_destination(ORDERS)
    await client.publish(ORDERS, Message("before"), 1.0)
    (leader,) = await backend.observer(cluster).leaders(ORDERS)
    others = [node for node in cluster.nodes if node != leader]
    cluster.cut([Edge(leader, other) for other in others] + [Edge(other, leader) for other in others])
    await other_leader(backend, cluster, leader)
    receipt = await client.publish(ORDERS, Message("minority"), 1.0)
    cluster.heal()
    after = await client.publish(ORDERS, Message("after"), 1.0)
    assert receipt.position == after.position
    assert [stored.message.id for stored in await client.read_log(ORDERS)] == ["before", "after"]


async def test_a_broken_restart_loses_the_tail_over_real_clients() -> None:
    """What was acknowledged last is gone once a node has been started again."""
    backend, cluster = started(ForgetsTailOnRestart)
    client = backend.client(cluster, Link.PUBLISHER, "publisher")
    await client.connect()
    await client.create_destination(ORDERS)
    for number in range(5):
        await client.publish(ORDERS, Message(f"p-{number}"), 1.0)
    (leader,) = await backend.observer(cluster).leaders(ORDERS)
    follower = next(node for node in cluster.nodes if node != leader)
    cluster.kill(follower)
    cluster.start(follower)
    assert [stored.message.id for stored in await client.read_log(ORDERS)] == ["p-0", "p-1"]

"""Faults on links act on the link they name, and believe nothing but the connections they hold."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from harness.backends.memory import MemoryBackend
from harness.faults import FAULTS
from harness.faults.bandwidth import Bandwidth
from harness.faults.contract import Fault, Field
from harness.faults.flap import Flap
from harness.faults.latency import Latency
from harness.faults.limit_bytes import LimitBytes
from harness.faults.lost_reply import LostReply
from harness.faults.reset import Reset
from harness.faults.slice import Slice
from harness.faults.slow_close import SlowClose
from harness.faults.stall import Stall
from harness.model.cluster import ClusterSpec, Toxic
from harness.model.destination import Destination
from harness.model.errors import BadOption, UnknownName
from harness.model.link import Link

pytestmark = pytest.mark.anyio

ORDERS = Destination("orders")
SHAPING: list[Fault] = [
    Stall("publisher"),
    LostReply("publisher"),
    Latency("publisher", 100),
    Bandwidth("publisher", 64),
    SlowClose("publisher", 500),
    Slice("publisher"),
    LimitBytes("publisher", 1000),
]
ALL: list[Fault] = [*SHAPING, Reset("publisher"), Flap("publisher", up=0.1, down=0.1)]


@dataclass
class FakeTalk:
    """A connection on which a request takes ``seconds``, or ends as ``error`` says."""

    seconds: float = 0.001
    error: type[Exception] | None = None
    answer: int = 0
    received: int = 0
    closed: bool = False
    largest: int = 500_000
    echoes: bool = True

    async def ask(self, within: float, size: int = 0) -> float:
        """Take the time, or raise."""
        del size
        self.received += self.answer
        if self.error:
            raise self.error
        if self.seconds > within:
            raise TimeoutError
        return self.seconds

    async def dismissed(self, within: float) -> float:
        """Take the time."""
        return await self.ask(within)

    def close(self) -> None:
        """Be closed."""
        self.closed = True


@dataclass
class World:
    """A cluster that writes down what is done to it, and an observer; ``over`` is what talks find."""

    nodes: tuple[str, ...] = ("n1", "n2", "n3")
    spec: ClusterSpec = field(default_factory=lambda: ClusterSpec("fake", "1", 3, "r3"))
    over: dict[str, Any] = field(default_factory=dict)
    done: list[tuple[str, Link, tuple[str, ...]]] = field(default_factory=list)
    toxics: dict[tuple[Link, str], Toxic] = field(default_factory=dict)
    talks: list[FakeTalk] = field(default_factory=list)
    severed: bool = False
    refusal: Exception | None = None

    def add_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Have it in force."""
        self.done.append(("add", link, tuple(nodes)))
        self.toxics[link, toxic.name] = toxic

    def rest_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Have it no more."""
        self.done.append(("rest", link, tuple(nodes)))
        self.toxics.pop((link, toxic.name), None)

    def sever(self, link: Link, nodes: Sequence[str]) -> None:
        """Cut the link, unless that is refused."""
        if self.refusal:
            raise self.refusal
        self.severed = True
        self.done.append(("sever", link, tuple(nodes)))

    def restore(self, link: Link, nodes: Sequence[str]) -> None:
        """Let it be whole."""
        self.severed = False
        self.done.append(("restore", link, tuple(nodes)))

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        """Name the first."""
        del destination
        return ("n1",)

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Answer over a link that is whole."""
        del node
        return link is Link.ADMIN or not self.severed

    async def talk(self, node: str, link: Link) -> FakeTalk:
        """Hold a connection; over the admin link nothing is wrong with it."""
        del node
        self.talks.append(FakeTalk() if link is Link.ADMIN else FakeTalk(**self.over))
        return self.talks[-1]

    @property
    def field(self) -> Field:
        """What a fault is given."""
        return Field(cast("Any", self), cast("Any", self), ORDERS, random.Random(1))


async def evidence(fault: Fault, **over: Any) -> str:
    """What the fault sees when connections over the hit link are like that; it is healed then."""
    world = World(over=over)
    hit = await fault.inject(world.field)
    try:
        return await fault.verify(world.field, hit)
    finally:
        await fault.heal(world.field, hit)


@pytest.mark.parametrize("fault", ALL, ids=str)
def test_every_link_fault_is_registered(fault: Fault) -> None:
    """A fault's name finds its class."""
    assert type(fault) in FAULTS


@pytest.mark.parametrize("fault", SHAPING, ids=str)
async def test_it_acts_on_its_link_and_nodes_and_undoes_that(fault: Fault) -> None:
    """What is put in force on the named link is at rest after healing, also when healed twice."""
    world = World()
    hit = await fault.inject(world.field)
    assert world.done == [("add", Link.PUBLISHER, ("n1", "n2", "n3"))]
    assert world.toxics

    await fault.heal(world.field, hit)
    await fault.heal(world.field, hit)
    assert not world.toxics
    assert all(talk.closed for talk in world.talks)


@pytest.mark.parametrize("fault", [*SHAPING, Reset("publisher")], ids=str)
async def test_a_fault_that_does_not_bite_is_seen_not_to(fault: Fault) -> None:
    """Connections that answer as ever are no evidence of anything."""
    assert not await evidence(fault, answer=500)


@pytest.mark.parametrize("fault", SHAPING, ids=str)
async def test_a_fault_that_does_something_else_is_seen_not_to_bite(fault: Fault) -> None:
    """A connection that ends is no stall, one that is silent no lost reply, and neither is slow."""
    wrong = ConnectionResetError if isinstance(fault, Stall) else TimeoutError
    try:
        assert not await evidence(fault, error=wrong)
    except TimeoutError:
        assert not isinstance(fault, (Stall, LostReply))


@pytest.mark.parametrize(
    ("fault", "over"),
    [
        (Stall("publisher"), {"error": TimeoutError}),
        (LostReply("publisher"), {"error": ConnectionResetError}),
        (Reset("publisher"), {"error": ConnectionResetError}),
        (Latency("publisher", 100), {"seconds": 0.101}),
        (Bandwidth("publisher", 64), {"seconds": 0.8}),
        (SlowClose("publisher", 500), {"seconds": 0.5}),
        (Slice("publisher"), {"seconds": 0.2}),
        (LimitBytes("publisher", 1000), {"error": ConnectionResetError, "answer": 1000}),
        (Flap("publisher", up=0.1, down=0.1), {}),
    ],
    ids=str,
)
async def test_a_fault_that_bites_is_seen_to(fault: Fault, over: dict[str, Any]) -> None:
    """Connections that show what the fault is for are the evidence."""
    assert await evidence(fault, **over)


async def test_latency_far_from_what_was_asked_for_is_none() -> None:
    """Half as slow, or twice, is not what the scenario says."""
    assert not await evidence(Latency("publisher", 200), seconds=0.1)
    assert not await evidence(Latency("publisher", 200), seconds=0.4)


async def test_a_reset_leaves_the_link_whole() -> None:
    """New connections are taken before the fault is healed."""
    world = World()
    await Reset("publisher").inject(world.field)

    assert [done[0] for done in world.done] == ["sever", "restore"]


async def test_flapping_stops_with_the_link_whole() -> None:
    """Healing ends the coming and going, and whatever it was at, the link is restored."""
    world = World()
    fault = Flap("publisher", up=0.1, down=0.1)
    hit = await fault.inject(world.field)
    assert await fault.verify(world.field, hit)
    await fault.heal(world.field, hit)
    count = len(world.done)

    assert world.done[-1][0] == "restore"
    assert len(world.done) == count


async def test_what_goes_wrong_while_flapping_is_raised_where_it_is_healed() -> None:
    """A link that could not be severed is not passed over in silence."""
    world = World(refusal=OSError("no answer"))
    fault = Flap("publisher")
    hit = await fault.inject(world.field)

    with pytest.raises(OSError, match="no answer"):
        await fault.heal(world.field, hit)


@pytest.mark.parametrize("fault", SHAPING, ids=str)
async def test_a_cluster_that_cannot_shape_links_is_refused(fault: Fault) -> None:
    """The error names the fault and the cluster, and nothing was done."""
    backend = MemoryBackend()
    cluster = backend.start(ClusterSpec("memory", "1", 3, "r3"), "test")
    refused = Field(cluster, backend.observer(cluster), ORDERS, random.Random(1))

    with pytest.raises(BadOption, match=r"links of memory@1-n3-r3 are whole or cut"):
        await fault.inject(refused)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Stall("admin"), UnknownName),
        (lambda: Stall(target="leeder"), UnknownName),
        (lambda: Latency(milliseconds=0), BadOption),
        (lambda: Latency(milliseconds=50, jitter=60), BadOption),
        (lambda: Bandwidth(kilobytes_per_second=0), BadOption),
        (lambda: Bandwidth(kilobytes_per_second=10_000), BadOption),
        (lambda: SlowClose(milliseconds=1), BadOption),
        (lambda: Slice(size=0), BadOption),
        (lambda: Slice(microseconds=1), BadOption),
        (lambda: LimitBytes(size=0), BadOption),
        (lambda: Flap(up=0.0), BadOption),
    ],
    ids=["link", "target", "no-latency", "jitter", "narrow", "wide", "close", "size", "gap", "bytes", "up"],
)
def test_what_cannot_be_is_refused_at_once(make: Any, error: type[Exception]) -> None:
    """Bad parameters do not get as far as a cluster."""
    with pytest.raises(error):
        make()

"""Faults that cut the same edges: each is healed alone, and nothing is left cut."""

from __future__ import annotations

import random

import pytest

from harness.backends.memory import MemoryBackend
from harness.backends.memory.cluster import MemoryCluster
from harness.engine.cuts import HeldCuts
from harness.faults import Bridge, CutEdges, Fault, Field, Halves, Isolate, Ring
from harness.model.cluster import ClusterSpec, Edge
from harness.model.destination import Destination
from harness.model.errors import BadOption, NothingToTarget, UnknownName

pytestmark = pytest.mark.anyio

ORDERS = Destination("orders", replicas=3)


def fresh(nodes: int) -> tuple[MemoryBackend, MemoryCluster]:
    backend = MemoryBackend()
    cluster = backend.start(ClusterSpec("memory", "1", nodes, "r3"), "tests")
    cluster.create(ORDERS)
    return backend, cluster


def cut(cluster: MemoryCluster) -> set[Edge]:
    pairs = ((a, b) for a in cluster.nodes for b in cluster.nodes if a != b)
    return {Edge(a, b) for a, b in pairs if not cluster.passes(Edge(a, b))}


async def test_intersecting_faults_heal_one_at_a_time() -> None:
    """What the second fault still needs stays cut when the first is healed, twice even."""
    backend, cluster = fresh(3)
    fields = [Field(cluster, backend.observer(cluster), ORDERS, random.Random(1)) for _ in range(2)]
    first, second = Isolate("n1"), CutEdges((Edge("n1", "n2"),))
    hits = [await first.inject(fields[0]), await second.inject(fields[1])]
    assert len(cut(cluster)) == 4

    await first.heal(fields[0], hits[0])
    await first.heal(fields[0], hits[0])
    assert cut(cluster) == {Edge("n1", "n2")}

    await second.heal(fields[1], hits[1])
    assert cut(cluster) == set()


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_of_injecting_and_healing_leaves_nothing_cut(seed: int) -> None:
    """After each step exactly the edges of the faults in force are cut."""
    rng = random.Random(seed)
    backend, cluster = fresh(5)
    kinds: list[Fault] = [Isolate("n1"), Isolate("n2", one_way=True), Halves(), Bridge("n3"), Ring()]
    active = []
    for fault in rng.sample(kinds, len(kinds)):
        field = Field(cluster, backend.observer(cluster), ORDERS, random.Random(seed))
        hit = await fault.inject(field)
        _edges = cluster._held._holders
        active.append((fault, field, hit, {e for e, holders in _edges.items() if field.holder in holders}))
    while active:
        fault, field, hit, _ = active.pop(rng.randrange(len(active)))
        await fault.heal(field, hit)
        assert cut(cluster) == set().union(*(edges for *_, edges in active))


async def test_a_ring_leaves_each_node_its_two_neighbours() -> None:
    """Of five nodes each hears exactly two others, and is heard by them."""
    backend, cluster = fresh(5)
    field = Field(cluster, backend.observer(cluster), ORDERS, random.Random(3))
    hit = await Ring().inject(field)
    lost = cut(cluster)
    assert all(sum(edge.source == node for edge in lost) == 2 for node in cluster.nodes)
    assert {Edge(edge.destination, edge.source) for edge in lost} == lost
    assert await Ring().verify(field, hit)


@pytest.mark.parametrize("leader_in", ["minority", "majority"])
async def test_halves_put_the_leader_where_it_is_asked_for(leader_in: str) -> None:
    """The minority is what is hit, and holds the leader only if asked."""
    backend, cluster = fresh(5)
    field = Field(cluster, backend.observer(cluster), ORDERS, random.Random(3))
    hit = await Halves(leader_in).inject(field)
    assert len(hit.nodes) == 2
    assert (hit.leaders[0] in hit.nodes) == (leader_in == "minority")
    assert len(cut(cluster)) == 12


async def test_others_are_all_but_the_other_end() -> None:
    """An edge to ``others`` is one to each node that is not its source."""
    backend, cluster = fresh(3)
    field = Field(cluster, backend.observer(cluster), ORDERS, random.Random(3))
    hit = await CutEdges((Edge("n2", "others", 9093),)).inject(field)
    assert hit.edges == (Edge("n2", "n1", 9093), Edge("n2", "n3", 9093))


async def test_what_cannot_be_is_refused() -> None:
    """Sides, edges and clusters that make no sense are refused with the reason."""
    backend, cluster = fresh(3)
    field = Field(cluster, backend.observer(cluster), ORDERS, random.Random(3))
    with pytest.raises(NothingToTarget, match="fewer than five"):
        await Ring().inject(field)
    with pytest.raises(UnknownName, match="did you mean 'minority'"):
        Halves("minorty")
    with pytest.raises(BadOption, match="at least one"):
        CutEdges(())
    with pytest.raises(BadOption, match="only one end"):
        CutEdges((Edge("others", "others"),))


def test_an_edge_is_free_when_its_last_holder_lets_go() -> None:
    """Letting go of what was never held is harmless, and says that it is free."""
    cuts = HeldCuts()
    edge = Edge("n1", "n2")
    cuts.take([edge, edge], "a")
    cuts.take([edge], "b")
    assert cuts.give([edge], "a") == ()
    assert cuts.give([edge], "b") == (edge,)
    assert cuts.give([edge], "b") == (edge,)
    assert cuts.edges == ()

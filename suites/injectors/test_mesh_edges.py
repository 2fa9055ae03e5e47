"""Mesh faults do to packets what they say: along each edge one is sent, and seen to arrive or not."""

from __future__ import annotations

import pytest
from anyio import to_thread

from harness import Case, CutEdges, Edge, Fault, Halves, Isolate

pytestmark = pytest.mark.cluster(nodes=3, backends="nats")

UNUSED = 7
OTHER = 8


async def lost(case: Case, port: int | None = None) -> set[tuple[str, str]]:
    """The edges of which a packet does not arrive."""
    nodes = case.cluster.nodes
    edges = [Edge(a, b, port) for a in nodes for b in nodes if a != b]
    arrived = [await to_thread.run_sync(case.cluster.passes, edge) for edge in edges]
    return {(e.source, e.destination) for e, passes in zip(edges, arrived, strict=True) if not passes}


async def test_every_packet_arrives_where_nothing_is_cut(case: Case) -> None:
    """The control: the probe itself works along every edge, whatever the port."""
    assert await lost(case) == set()
    assert await lost(case, UNUSED) == set()
    await _something_to_judge(case)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Isolate("n1"), {("n1", "n2"), ("n1", "n3"), ("n2", "n1"), ("n3", "n1")}),
        (Isolate("n1", one_way=True), {("n1", "n2"), ("n1", "n3")}),
        (CutEdges((Edge("n2", "n3"),)), {("n2", "n3")}),
    ],
    ids=["isolate", "isolate-one-way", "single-edge"],
)
async def test_the_cut_edges_lose_every_packet_and_the_others_none(
    case: Case, fault: Fault, expected: set[tuple[str, str]]
) -> None:
    """What is cut passes nothing, what is not passes, and after healing everything does."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(fault, at=orders):
            assert await lost(case) == expected
        assert await lost(case) == set()
        await case.recovered(orders, within=60)
    case.check()


async def test_a_port_is_cut_alone(case: Case) -> None:
    """What goes to another port of the same node arrives, and so does what goes the other way."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(CutEdges((Edge("n1", "n2", UNUSED),)), at=orders):
            assert await lost(case, UNUSED) == {("n1", "n2")}
            assert await lost(case, OTHER) == set()
        assert await lost(case, UNUSED) == set()
    case.check()


async def test_intersecting_cuts_heal_one_at_a_time(case: Case) -> None:
    """An edge that two faults cut stays cut until the second is healed; nothing leaks."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(Halves(), at=orders) as outer:
            [alone] = outer.nodes
            away = {(alone, other) for other in case.cluster.nodes if other != alone}
            both = away | {(b, a) for a, b in away}
            async with case.fault(Isolate(alone, one_way=True), at=orders):
                assert await lost(case) == both
            assert await lost(case) == both
        assert await lost(case) == set()
        await case.recovered(orders, within=60)
    case.check()


async def _something_to_judge(case: Case) -> None:
    orders = await case.destination("orders")
    await case.publish(orders, case.message(b"one"))
    case.check()

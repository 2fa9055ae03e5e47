"""Who hears whom, and who leads."""

from __future__ import annotations

from math import inf

import pytest

from harness.backends.memory.mesh import Elections, Mesh, Node
from harness.model.cluster import Edge

DELAY = 1.0


@pytest.fixture
def mesh() -> Mesh:
    """Three nodes that work."""
    return Mesh({name: Node() for name in ("n1", "n2", "n3")})


@pytest.fixture
def elections(mesh: Mesh) -> Elections:
    """One seat with three replicas, led by n1."""
    elections = Elections(mesh, DELAY)
    elections.open_seat("orders", 3)
    return elections


def leader(elections: Elections, now: float) -> str:
    """Who leads the seat at that time, everything looked at anew."""
    elections.touch()
    elections.advance(now)
    return elections.known_leader(elections.seats["orders"], now)


def test_a_cut_edge_is_deaf_in_one_direction(mesh: Mesh) -> None:
    """What n1 sends does not reach n2, while n1 hears n2: they do not talk."""
    mesh.cuts.add(Edge("n1", "n2", 6222))
    assert not mesh.hears("n2", "n1")
    assert mesh.hears("n1", "n2")
    assert not mesh.talk("n1", "n2")
    assert mesh.in_touch("n1", ("n1", "n2", "n3")) == ("n1", "n3")


@pytest.mark.parametrize("node", [Node(running=False), Node(paused=True)], ids=["killed", "paused"])
def test_a_leader_that_does_not_work_is_replaced_after_the_election(
    mesh: Mesh, elections: Elections, node: Node
) -> None:
    """It is still named while the election lasts, and a node with a majority leads after it."""
    mesh.nodes["n1"] = node
    assert leader(elections, 10.0) == "n1"
    assert leader(elections, 10.0 + DELAY / 2) == "n1"
    assert leader(elections, 10.0 + DELAY) == "n2"


def test_a_leader_that_is_back_before_the_election_is_over_stays(mesh: Mesh, elections: Elections) -> None:
    """A short pause moves nothing, and the next one is timed anew."""
    mesh.nodes["n1"].paused = True
    leader(elections, 10.0)
    mesh.nodes["n1"].paused = False
    assert leader(elections, 10.5) == "n1"
    mesh.nodes["n1"].paused = True
    assert leader(elections, 10.9) == "n1"
    assert leader(elections, 11.5) == "n1"
    assert leader(elections, 11.9) == "n2"


def test_without_a_majority_nobody_leads_until_a_node_is_back(mesh: Mesh, elections: Elections) -> None:
    """Two of three killed: no leader, and no time at which that changes by itself."""
    mesh.nodes["n1"].running = mesh.nodes["n2"].running = False
    leader(elections, 10.0)
    assert leader(elections, 20.0) == ""
    assert elections.due == inf
    mesh.nodes["n2"].running = True
    assert leader(elections, 21.0) == "n2"


def test_an_isolated_leader_is_replaced_on_the_other_side(mesh: Mesh, elections: Elections) -> None:
    """The majority elects one of its own, and the old leader does not come back when healed."""
    mesh.cuts.update(Edge(a, b) for a, b in (("n1", "n2"), ("n2", "n1"), ("n1", "n3"), ("n3", "n1")))
    leader(elections, 10.0)
    assert leader(elections, 11.0) == "n2"
    mesh.cuts.clear()
    assert leader(elections, 12.0) == "n2"


def test_the_only_replica_cannot_be_replaced(mesh: Mesh) -> None:
    """A destination with one copy has no leader while its node is down, and the same one afterwards."""
    elections = Elections(mesh, DELAY)
    elections.open_seat("orders", 1)
    mesh.nodes["n1"].running = False
    leader(elections, 10.0)
    assert leader(elections, 20.0) == ""
    mesh.nodes["n1"].running = True
    assert leader(elections, 20.0) == "n1"


def test_seats_take_turns_at_leaders_and_leave_out_who_does_not_work(mesh: Mesh) -> None:
    """Leaders are spread over the nodes that work."""
    mesh.nodes["n2"].paused = True
    elections = Elections(mesh, DELAY)
    assert [elections.open_seat(name, 1).leader for name in "abcd"] == ["n1", "n3", "n3", "n1"]


def test_a_stopping_node_gives_its_seats_away_at_once(mesh: Mesh, elections: Elections) -> None:
    """No election is waited for; with nobody to take it, the seat stays where it is."""
    assert [seat.name for seat in elections.hand_over("n1")] == ["orders"]
    assert leader(elections, 0.0) == "n2"
    mesh.nodes["n1"].running = mesh.nodes["n3"].running = False
    assert elections.hand_over("n2") == []

"""Roles become nodes at the moment of injection, and a role that nobody holds is an error."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.faults.targets import HELD_WITHIN, checked_target, resolve
from harness.model.errors import NothingToTarget, UnknownName
from harness.model.role import Role
from tests.scenario.doubles import ToldCluster, ToldObserver, field_of
from tests.scenario.virtual_time import at_once

FIVE = ToldCluster("n1", "n2", "n3", "n4", "n5")
LED_BY_N2 = ToldObserver(leading=[("n2", "n3")], ruling=["n4"])


@pytest.mark.parametrize(
    ("target", "nodes"),
    [
        ("leader", {"n2"}),
        ("follower", {"n1"}),
        ("controller", {"n4"}),
        ("minority", {"n2", "n1"}),
        ("majority", {"n3", "n4", "n5"}),
        ("all", {"n1", "n2", "n3", "n4", "n5"}),
        ("n3", {"n3"}),
    ],
)
@at_once
async def test_a_target_means_these_nodes(target: str, nodes: set[str]) -> None:
    """The leader is that of the first partition, and the minority has it."""
    assert set(await resolve(field_of(FIVE, LED_BY_N2), target)) == nodes


@at_once
async def test_minority_and_majority_are_the_whole() -> None:
    """No node is in both, and fewer than half are in the minority."""
    for cluster in (ToldCluster("n1", "n2", "n3"), ToldCluster("n1", "n2", "n3", "n4"), FIVE):
        field = field_of(cluster, ToldObserver())
        minority, majority = await resolve(field, "minority"), await resolve(field, "majority")
        assert sorted(minority + majority) == list(cluster.nodes)
        assert 0 < 2 * len(minority) < len(cluster.nodes)


@at_once
async def test_any_is_decided_by_the_seed() -> None:
    """One seed hits one node; in the long run every node is hit."""

    async def hit(seed: int) -> tuple[str, ...]:
        return await resolve(field_of(ToldCluster(), ToldObserver(), seed), "any")

    assert await hit(3) == await hit(3)
    assert {node for seed in range(50) for node in await hit(seed)} == {"n1", "n2", "n3"}


@pytest.mark.parametrize("role", ["follower", "minority"])
@at_once
async def test_a_single_node_has_no(role: str) -> None:
    """A cluster of one has neither followers nor a minority, which is said."""
    with pytest.raises(NothingToTarget, match=f"'{role}' of a cluster of one node"):
        await resolve(field_of(ToldCluster("n1"), ToldObserver()), role)


@at_once
async def test_a_role_is_given_time_to_be_held() -> None:
    """A cluster amid an election has a leader soon, though nobody answers meanwhile."""
    observer = ToldObserver(leading=[("",), OSError("no answer"), (), ("n3",)])
    assert await resolve(field_of(ToldCluster(), observer), "leader") == ("n3",)


@pytest.mark.parametrize("role", ["leader", "controller"])
@at_once
async def test_a_role_that_nobody_takes_is_nothing_to_target(role: str) -> None:
    """After a while it is an error of the scenario, not a fault that hit nothing."""
    observer = ToldObserver(leading=[("",)], ruling=[""])
    begun = time.monotonic()
    with pytest.raises(NothingToTarget, match=role):
        await resolve(field_of(ToldCluster(), observer), role)
    assert HELD_WITHIN <= time.monotonic() - begun < HELD_WITHIN + 1.0


def test_a_node_that_is_not_there_is_unknown() -> None:
    """A name can look right and be of no node of this cluster."""
    with pytest.raises(UnknownName, match="unknown node 'n7'"):
        asyncio.run(resolve(field_of(ToldCluster(), ToldObserver()), "n7"))


@pytest.mark.parametrize("target", [*Role, "n1", "n12"])
def test_roles_and_names_of_nodes_are_targets(target: str) -> None:
    """They are taken as they are."""
    assert checked_target(target) == target


@pytest.mark.parametrize("target", ["leadr", "n", "node1", "", "n1x", "1"])
def test_other_targets_are_refused_at_once(target: str) -> None:
    """Before anything has started, and with the nearest name."""
    with pytest.raises(UnknownName, match="leader" if target == "leadr" else "unknown role"):
        checked_target(target)

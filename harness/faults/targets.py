"""Turning a role into nodes at the moment of injection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from harness.faults.contract import Field
from harness.model.errors import DeadlineExceeded, NothingToTarget, UnknownName
from harness.model.role import Role
from harness.waits import wait_for_condition

HELD_WITHIN = 10.0


def checked_target(target: str) -> str:
    """The target itself if it is a role or looks like a node's name; raises ``UnknownName`` otherwise."""
    if target in set(Role) or (target[:1] == "n" and target[1:].isdigit()):
        return str(target)
    raise UnknownName("role", target, [*Role, "n1", "n2", "n3"])


async def resolve(field: Field, target: str) -> tuple[str, ...]:
    """The nodes that ``target`` means now, in relation to the field's destination.

    Raises ``NothingToTarget`` when no node holds the role, ``UnknownName`` for a node the cluster
    does not have.
    """
    nodes = field.cluster.nodes
    if target == Role.ALL:
        return nodes
    if target == Role.ANY:
        return (field.rng.choice(nodes),)
    if target in {Role.LEADER, Role.FOLLOWER, Role.MINORITY, Role.MAJORITY}:
        return _by_leader(target, nodes, await _leader(field))
    if target == Role.CONTROLLER:
        return (await _held(field.observer.controller, target, "the cluster"),)
    if target not in nodes:
        raise UnknownName("node", target, nodes)
    return (target,)


async def _leader(field: Field) -> str:
    async def first() -> str:
        leaders = await field.observer.leaders(field.destination)
        return leaders[0] if leaders else ""

    return await _held(first, Role.LEADER, field.destination.name)


async def _held(look: Callable[[], Awaitable[str]], role: str, where: str) -> str:
    """Who holds the role; a cluster that has just changed hands is given time to say so."""
    try:
        return await wait_for_condition(look, condition=f"a {role} of {where}", within=HELD_WITHIN, every=0.1)
    except DeadlineExceeded:
        raise NothingToTarget(role, where) from None


def _by_leader(target: str, nodes: tuple[str, ...], leader: str) -> tuple[str, ...]:
    followers = tuple(node for node in nodes if node != leader)
    minority = (leader, *followers)[: (len(nodes) - 1) // 2]
    if target == Role.LEADER:
        return (leader,)
    if target == Role.FOLLOWER:
        return _one(followers[0] if followers else "", target, "a cluster of one node")
    if target == Role.MINORITY:
        return minority or _one("", target, "a cluster of one node")
    return tuple(node for node in nodes if node not in minority)


def _one(node: str, role: str, where: str) -> tuple[str, ...]:
    if not node:
        raise NothingToTarget(role, where)
    return (node,)

"""What the faults of syncing have in common: which calls, and that strace itself says it hit some."""

from __future__ import annotations

from harness.faults.contract import Field, Hit
from harness.faults.targets import resolve
from harness.model.damage import CanTamperWithCalls
from harness.model.errors import BadOption

CALLS = ("fsync", "fdatasync")


async def tamper(field: Field, fault: object, target: str, effect: str) -> Hit:
    """Give the syncs of the nodes ``target`` means an effect; raises ``BadOption`` where that cannot be."""
    cluster = _cluster(field, fault)
    hit = Hit(await resolve(field, target), await field.observer.leaders(field.destination))
    for node in hit.nodes:
        await field.act(cluster.tamper, node, CALLS, effect)
    return hit


def hits(field: Field, fault: object, hit: Hit) -> str:
    """How many syncs of each node strace has hit; empty while one of them has not synced."""
    counts = {node: _cluster(field, fault).tampered(node) for node in hit.nodes}
    if not all(counts.values()):
        return ""
    return ", ".join(f"{count} syncs of {node} hit" for node, count in counts.items())


async def let_be(field: Field, fault: object, hit: Hit) -> None:
    """Leave the syncs alone, and start again the nodes that have ended over them."""
    cluster = _cluster(field, fault)
    for node in hit.nodes:
        await field.act(cluster.let_be, node)
        await field.act(field.cluster.start, node)


def _cluster(field: Field, fault: object) -> CanTamperWithCalls:
    if not isinstance(field.cluster, CanTamperWithCalls):
        raise BadOption(
            "fault", str(fault), "it needs nodes in containers, whose system calls can be reached"
        )
    return field.cluster

"""What the faults of a node's share of the machine have in common."""

from __future__ import annotations

from collections.abc import Mapping

from harness.faults.contract import Field
from harness.model.damage import CanTighten, Share
from harness.model.errors import BadOption


def tightenable(field: Field, fault: object) -> CanTighten:
    """The cluster as one whose nodes can be given less; raises ``BadOption`` where they cannot."""
    if not isinstance(field.cluster, CanTighten):
        raise BadOption("fault", str(fault), "it needs nodes in containers")
    return field.cluster


async def set_shares(field: Field, fault: object, shares: Mapping[str, Share]) -> None:
    """Give every node its share."""
    cluster = tightenable(field, fault)
    for node, share in shares.items():
        await field.act(cluster.set_share, node, share)

"""Leave no room on a node's disk; the node runs on, and every write that needs a new block fails.

The case needs nodes with disks of their own: ``cluster(storage="image")``.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.disks import disks
from harness.faults.targets import checked_target, resolve


@dataclass(frozen=True, slots=True)
class DiskFull:
    """Fill the disks of the nodes ``target`` means at injection: a role or a node's name."""

    target: str = "leader"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"disk-full({self.target})"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "disk-full"

    async def inject(self, field: Field) -> Hit:
        """Write beside their data until the devices refuse."""
        cluster = disks(field, self)
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        for node in hit.nodes:
            await field.act(cluster.fill_disk, node)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """A write of ours beside the data of each is refused for want of room."""
        cluster = disks(field, self)
        refusals = [cluster.write_refused(node) for node in hit.nodes]
        return "; ".join(refusals) if all(refusals) else ""

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What a full node does is its own affair: refuse writes, step down, or end."""
        del field, hit
        return "nodes need not react to a disk that nobody else sees"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Give the room back, and start again the nodes that have ended for want of it."""
        cluster = disks(field, self)
        for node in hit.nodes:
            await field.act(cluster.free_disk, node)
            await field.act(field.cluster.start, node)

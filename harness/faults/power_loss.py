"""Take the power from a machine: the process dies, and with it whatever nobody had synced to the disk.

A killed process loses nothing that it had handed to the kernel; a machine without power does. The
case needs nodes with disks of their own: ``cluster(storage="image")``.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.disks import disks
from harness.faults.observed import cluster_noticed, no_answer
from harness.faults.targets import checked_target, resolve


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """Take the power from the nodes ``target`` means at injection: a role or a node's name."""

    target: str = "leader"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"power-loss({self.target})"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "power-loss"

    async def inject(self, field: Field) -> Hit:
        """Freeze them, keep of their disks what the devices hold, kill them."""
        cluster = disks(field, self)
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        for node in hit.nodes:
            await field.act(cluster.lose_power, node)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """No answer from any, a canary that was synced is whole and one that was not is gone."""
        cluster = disks(field, self)
        silence = await no_answer(field, hit)
        remains = [cluster.power_lost(node) for node in hit.nodes]
        return "; ".join([silence, *remains]) if silence and all(remains) else ""

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Give the power back: start them on what their disks have kept."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

"""Split the mesh in two sides that hear nothing of each other, with one node that hears both."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.edges import between, no_packet_passes
from harness.faults.targets import checked_target, resolve
from harness.model.cluster import Edge
from harness.model.errors import NothingToTarget
from harness.model.role import Role

SMALLEST = 3


@dataclass(frozen=True, slots=True)
class Bridge:
    """Make the first node ``target`` means the bridge; the others are cut in two sides."""

    target: str = "follower"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"bridge({self.target})"

    def _edges(self, hit: Hit) -> tuple[Edge, ...]:
        half = len(hit.nodes) // 2
        return between(hit.nodes[:half], hit.nodes[half:])

    async def inject(self, field: Field) -> Hit:
        """Cut; what is hit is every node but the bridge, the leader among the first."""
        if len(field.cluster.nodes) < SMALLEST:
            raise NothingToTarget("bridge", "a cluster of fewer than three nodes")
        bridge = (await resolve(field, self.target))[0]
        [leader] = await resolve(field, Role.LEADER)
        sides = [node for node in field.cluster.nodes if node != bridge]
        sides.sort(key=lambda node: node != leader)
        hit = Hit(tuple(sides), await field.observer.leaders(field.destination))
        await field.act(field.cluster.cut, self._edges(hit), field.holder)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """No packet passes from one side to the other."""
        return await no_packet_passes(field, self._edges(hit))

    async def reacted(self, field: Field, hit: Hit) -> str:
        """A leader that still hears a majority may stay."""
        del field, hit
        return "each node still hears the bridge, nobody need react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the packets pass again."""
        await field.act(field.cluster.mend, self._edges(hit), field.holder)

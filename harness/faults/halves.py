"""Split the mesh into a majority and a minority that hear nothing of each other."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.edges import between, no_packet_passes
from harness.faults.observed import cluster_noticed
from harness.faults.targets import resolve
from harness.model.cluster import Edge
from harness.model.errors import NothingToTarget, UnknownName
from harness.model.role import Role

SIDES = (str(Role.MINORITY), str(Role.MAJORITY))
SMALLEST = 3


@dataclass(frozen=True, slots=True)
class Halves:
    """Cut every edge between the two sides; ``leader_in`` is where the leader finds itself."""

    leader_in: str = "minority"

    def __post_init__(self) -> None:
        if self.leader_in not in SIDES:
            raise UnknownName("side", self.leader_in, SIDES)

    def __str__(self) -> str:
        return f"halves(leader-in-{self.leader_in})"

    def _edges(self, field: Field, hit: Hit) -> tuple[Edge, ...]:
        others = [node for node in field.cluster.nodes if node not in hit.nodes]
        return between(hit.nodes, others)

    async def inject(self, field: Field) -> Hit:
        """Cut; what is hit are the nodes of the minority."""
        count = (len(field.cluster.nodes) - 1) // 2
        if len(field.cluster.nodes) < SMALLEST:
            raise NothingToTarget(Role.MINORITY, "a cluster of fewer than three nodes")
        [leader] = await resolve(field, Role.LEADER)
        followers = [node for node in field.cluster.nodes if node != leader]
        line = [leader, *followers] if self.leader_in == SIDES[0] else followers
        hit = Hit(tuple(line[:count]), await field.observer.leaders(field.destination))
        await field.act(field.cluster.cut, self._edges(field, hit), field.holder)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """No packet passes from one side to the other."""
        return await no_packet_passes(field, self._edges(field, hit))

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What the minority led has moved, or the majority sees it gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the packets pass again."""
        await field.act(field.cluster.mend, self._edges(field, hit), field.holder)

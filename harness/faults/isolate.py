"""Cut nodes off from the other nodes, in the mesh; clients still reach them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed, gone_for_its_peers
from harness.faults.targets import checked_target, resolve
from harness.model.cluster import Edge


@dataclass(frozen=True, slots=True)
class Isolate:
    """Cut every edge between the nodes ``target`` means and the rest.

    ``one_way`` cuts only what they send: they still hear the others.
    """

    target: str = "leader"
    one_way: bool = False

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"isolate({self.target}{',one-way' if self.one_way else ''})"

    def _edges(self, field: Field, hit: Hit) -> list[Edge]:
        others = [node for node in field.cluster.nodes if node not in hit.nodes]
        leaving = [Edge(node, other) for node in hit.nodes for other in others]
        return leaving if self.one_way else leaving + [Edge(e.destination, e.source) for e in leaving]

    async def inject(self, field: Field) -> Hit:
        """Drop every packet between them and the rest."""
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        await field.act(field.cluster.cut, self._edges(field, hit), field.holder)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """The others see them gone, although they answer over the admin link."""
        for node in hit.nodes:
            if not await field.observer.answers(node):
                return ""
        return await gone_for_its_peers(field, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the packets pass again."""
        await field.act(field.cluster.mend, self._edges(field, hit), field.holder)

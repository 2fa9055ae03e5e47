"""Lay the nodes in a ring where each hears its two neighbours alone.

Of five, each hears a majority, and no two hear the same one: what is called the majorities ring.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.edges import no_packet_passes
from harness.model.cluster import Edge
from harness.model.errors import NothingToTarget

SMALLEST = 5


@dataclass(frozen=True, slots=True)
class Ring:
    """Cut every edge between nodes that are not neighbours, in an order the case's seed decides."""

    def __str__(self) -> str:
        return "ring"

    def _edges(self, hit: Hit) -> tuple[Edge, ...]:
        count = len(hit.nodes)
        near = {1, count - 1}
        places = range(count)
        return tuple(
            Edge(hit.nodes[i], hit.nodes[j])
            for i in places
            for j in places
            if i != j and (i - j) % count not in near
        )

    async def inject(self, field: Field) -> Hit:
        """Cut; ``Hit.nodes`` is the ring. Raises ``NothingToTarget`` for fewer than five nodes."""
        nodes = list(field.cluster.nodes)
        if len(nodes) < SMALLEST:
            raise NothingToTarget("ring", "a cluster of fewer than five nodes")
        field.rng.shuffle(nodes)
        hit = Hit(tuple(nodes), await field.observer.leaders(field.destination))
        await field.act(field.cluster.cut, self._edges(hit), field.holder)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """No packet passes between nodes that are not neighbours."""
        return await no_packet_passes(field, self._edges(hit))

    async def reacted(self, field: Field, hit: Hit) -> str:
        """A leader that still hears a majority may stay."""
        del field, hit
        return "each node still hears its neighbours, nobody need react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the packets pass again."""
        await field.act(field.cluster.mend, self._edges(hit), field.holder)

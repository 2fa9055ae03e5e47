"""Cut any directed edges of the mesh, whole or one port of them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.edges import no_packet_passes
from harness.faults.targets import checked_target, resolve
from harness.model.cluster import Edge
from harness.model.errors import BadOption

OTHERS = "others"
"""Every node that the other end of the edge is not."""


@dataclass(frozen=True, slots=True)
class CutEdges:
    """Cut ``edges``, whose ends are roles, nodes' names or, for one of the two, ``others``.

    With a port, what is lost is what the source sends *to* that port: the connections it opens there.
    """

    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        if not self.edges:
            raise BadOption("edges", self.edges, "at least one is needed")
        for edge in self.edges:
            named = [end for end in edge[:2] if end != OTHERS]
            if not named:
                raise BadOption("edges", edge, f"only one end can be {OTHERS!r}")
            for end in named:
                checked_target(end)

    def __str__(self) -> str:
        told = (f"{source}>{to}{'' if port is None else f':{port}'}" for source, to, port in self.edges)
        return f"cut-edges({','.join(told)})"

    async def inject(self, field: Field) -> Hit:
        """Cut; ``Hit.edges`` are those that were meant at this moment."""
        edges = tuple(dict.fromkeys([one for edge in self.edges for one in await _meant(field, edge)]))
        nodes = tuple(dict.fromkeys(edge.destination for edge in edges))
        hit = Hit(nodes, await field.observer.leaders(field.destination), edges)
        await field.act(field.cluster.cut, edges, field.holder)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """No packet passes along any of them."""
        return await no_packet_passes(field, hit.edges)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Whether anybody must notice depends on the edges."""
        del field, hit
        return "nobody need react to single edges"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the packets pass again."""
        await field.act(field.cluster.mend, hit.edges, field.holder)


async def _meant(field: Field, edge: Edge) -> list[Edge]:
    ends = [() if end == OTHERS else await resolve(field, end) for end in edge[:2]]
    rest = [node for node in field.cluster.nodes if node not in {*ends[0], *ends[1]}]
    sources, destinations = (end or rest for end in ends)
    return [Edge(a, b, edge.port) for a in sources for b in destinations if a != b]

"""Reset a link: every open connection ends at once, and new ones are taken again.

Clients on this machine see the end of the connection, without a word of the broker's protocol. It
is no RST that they see where the engine's port proxy stands in between: that turns one into a FIN.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.sever import BOTH, SEVERABLE
from harness.faults.shaping import checked_link, close_talks, ended, named, talks_of, talks_over


@dataclass(frozen=True, slots=True)
class Reset:
    """End the open connections of ``link`` to the nodes of ``target``, once."""

    link: str = BOTH
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)

    def __str__(self) -> str:
        return named("reset", self.link, self.target)

    async def inject(self, field: Field) -> Hit:
        """Sever the link, and restore it at once."""
        hit = await talks_over(field, self, self.link, self.target)
        for link in SEVERABLE[self.link]:
            await field.act(field.cluster.sever, link, hit.nodes)
        await self._restore(field, hit)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """Connections that were open have ended, and a new one over each link answers."""
        for talk in talks_of(hit):
            if not await ended(talk, 0.5):
                return ""
        for node in hit.nodes:
            for link in SEVERABLE[self.link]:
                if not await field.observer.answers(node, link):
                    return ""
        return f"{len(talks_of(hit))} open connections have ended, new ones answer" if talks_of(hit) else ""

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice; the clients' own attempts are in the history."""
        del field, hit
        return "clients have to connect again, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Drop what we held, and see to it that the link is restored."""
        close_talks(hit)
        await self._restore(field, hit)

    async def _restore(self, field: Field, hit: Hit) -> None:
        for link in SEVERABLE[self.link]:
            await field.act(field.cluster.restore, link, hit.nodes)

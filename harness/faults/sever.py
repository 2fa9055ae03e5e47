"""Cut the link between clients and nodes: open connections end, new ones get no answer."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.targets import checked_target, resolve
from harness.model.errors import UnknownName
from harness.model.link import Link

BOTH = "both"
SEVERABLE = {
    str(Link.PUBLISHER): (Link.PUBLISHER,),
    str(Link.CONSUMER): (Link.CONSUMER,),
    str(Link.SERVICE): (Link.SERVICE,),
    BOTH: (Link.PUBLISHER, Link.CONSUMER),
}
"""What can be severed, by name; the admin link, which our own observations use, never is."""


@dataclass(frozen=True, slots=True)
class Sever:
    """Sever ``link`` (``publisher``, ``consumer``, ``service`` or ``both``) to the nodes of ``target``."""

    link: str = BOTH
    target: str = "all"

    def __post_init__(self) -> None:
        if self.link not in SEVERABLE:
            raise UnknownName("link", self.link, SEVERABLE)
        checked_target(self.target)

    def __str__(self) -> str:
        return f"sever({self.link})" if self.target == "all" else f"sever({self.link},{self.target})"

    async def inject(self, field: Field) -> Hit:
        """Disable the link's proxies."""
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        for link in SEVERABLE[self.link]:
            await field.act(field.cluster.sever, link, hit.nodes)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """A request over the link gets no answer while one over the admin link does."""
        for node in hit.nodes:
            if not await field.observer.answers(node, Link.ADMIN):
                return ""
            for link in SEVERABLE[self.link]:
                if await field.observer.answers(node, link):
                    return ""
        return f"{', '.join(hit.nodes)} answer over the admin link and not over {self.link}"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice; the clients' own attempts are in the history."""
        del field, hit
        return "clients are cut off, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let the link carry connections again."""
        for link in SEVERABLE[self.link]:
            await field.act(field.cluster.restore, link, hit.nodes)

"""Stall a link: connections stay open and nothing passes, as when a route is gone and nobody says so.

What was sent meanwhile is held, in order, and passes on the *same* connections when the stall is
over. New connections are taken and hear nothing. The node's own keepalive may end a connection
whose client it has not heard of for long.
"""

from __future__ import annotations

from asyncio import gather
from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.sever import BOTH
from harness.faults.shaping import checked_link, named, over_admin, put_in_force, put_to_rest, talks_of
from harness.model.cluster import Toxic

# Not toxiproxy's "timeout": that throws away what it takes, and a resumed connection would lack it.
_HELD = Toxic("stall", "latency", {"latency": 24 * 3600 * 1000, "jitter": 0})
_SILENCE = 0.5


@dataclass(frozen=True, slots=True)
class Stall:
    """Stall ``link`` (``publisher``, ``consumer``, ``service`` or ``both``) to the nodes of ``target``."""

    link: str = BOTH
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)

    def __str__(self) -> str:
        return named("stall", self.link, self.target)

    async def inject(self, field: Field) -> Hit:
        """Hold everything, in both directions."""
        return await put_in_force(field, self, self.link, self.target, _HELD)

    async def verify(self, field: Field, hit: Hit) -> str:
        """Connections that answered before do not, and are not closed, while the admin link answers."""
        for node in hit.nodes:
            await over_admin(field, self, node, 1.0)
        heard = await gather(*(talk.ask(_SILENCE) for talk in talks_of(hit)), return_exceptions=True)
        if not heard or not all(isinstance(each, TimeoutError) for each in heard):
            return ""
        return f"{len(heard)} open connections are silent"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice; the clients' own attempts are in the history."""
        del field, hit
        return "clients hear nothing, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let it pass, what was held first."""
        await put_to_rest(field, self, hit, self.link, _HELD)

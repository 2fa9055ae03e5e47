"""Lose replies: a request reaches the node, its reply never comes, and the connection ends instead.

The client cannot tell whether it was carried out. So it is for the first reply on each connection
while the fault is in force; a node that speaks first, as NATS does, takes no new connection at all.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.shaping import checked_link, ended, named, over_admin, put_in_force, put_to_rest, talks_of
from harness.model.cluster import Toxic

_NOTHING_BACK = Toxic("lost-reply", "limit_data", {"bytes": 0}, upstream=False)


@dataclass(frozen=True, slots=True)
class LostReply:
    """Lose what the nodes of ``target`` send over ``link``."""

    link: str = "publisher"
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)

    def __str__(self) -> str:
        return named("lost-reply", self.link, self.target)

    async def inject(self, field: Field) -> Hit:
        """Let no byte of an answer pass, and end the connection that it was for."""
        return await put_in_force(field, self, self.link, self.target, _NOTHING_BACK)

    async def verify(self, field: Field, hit: Hit) -> str:
        """On connections that answered before, a request meets the end; over the admin link, an answer."""
        for node in hit.nodes:
            await over_admin(field, self, node, 1.0)
        for talk in talks_of(hit):
            if not await ended(talk, 1.0):
                return ""
        return f"{len(talks_of(hit))} requests met the connection's end" if talks_of(hit) else ""

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes cannot notice: to them, a client went away."""
        del field, hit
        return "clients get no reply, nodes cannot notice"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let replies pass."""
        await put_to_rest(field, self, hit, self.link, _NOTHING_BACK)

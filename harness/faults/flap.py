"""Have a link come and go: severed and restored in turn, for as long as the fault is in force."""

from __future__ import annotations

import time
from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.flapping import Flapping
from harness.faults.sever import BOTH, SEVERABLE
from harness.faults.shaping import at_least, checked_link, named
from harness.faults.targets import resolve


@dataclass(frozen=True, slots=True)
class Flap:
    """Sever ``link`` to the nodes of ``target`` for ``down`` seconds after every ``up`` seconds."""

    link: str = BOTH
    up: float = 1.0
    down: float = 1.0
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("up", self.up, 0.1)
        at_least("down", self.down, 0.1)

    def __str__(self) -> str:
        return named("flap", self.link, self.target, f"up={self.up:g}s", f"down={self.down:g}s")

    async def inject(self, field: Field) -> Hit:
        """Start flapping, the link down first."""
        nodes, leaders = await resolve(field, self.target), await field.observer.leaders(field.destination)
        hit = Flapping(nodes, leaders)
        hit.start(field.cluster, SEVERABLE[self.link], up=self.up, down=self.down)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """Within two rounds a node is seen to answer over the link, and not to."""
        seen: set[bool] = set()
        until = time.monotonic() + 2 * (self.up + self.down) + 1.0
        while time.monotonic() < until and len(seen) < 2:  # noqa: PLR2004 - both answers there are
            seen.add(await field.observer.answers(hit.nodes[0], SEVERABLE[self.link][0]))
        return f"{hit.nodes[0]} answers over {self.link} now and then" if len(seen) > 1 else ""

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice; the clients' own attempts are in the history."""
        del field, hit
        return "clients come and go, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Stop, and restore the link; raises what went wrong while it was flapping."""
        if isinstance(hit, Flapping):
            await field.act(hit.stop)
        for link in SEVERABLE[self.link]:
            await field.act(field.cluster.restore, link, hit.nodes)

"""Stop a node in good order, as an operator or an orchestrator does, and start it again."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed, no_answer
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption

LONGEST_GRACE = 25.0
"""Seconds; an injection is given little more."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the nodes ``target`` means to end; after ``grace`` seconds they are killed."""

    target: str = "leader"
    grace: float = 10.0

    def __post_init__(self) -> None:
        checked_target(self.target)
        if not 1 <= self.grace <= LONGEST_GRACE:
            raise BadOption("grace", self.grace, f"1 to {LONGEST_GRACE:g} seconds are needed")

    def __str__(self) -> str:
        return f"stop({self.target})"

    async def inject(self, field: Field) -> Hit:
        """Stop them side by side, and return when all have ended."""
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        async with anyio.create_task_group() as stopping:
            for node in hit.nodes:
                stopping.start_soon(field.act, field.cluster.stop, node, self.grace)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """A request to each gets no answer."""
        return await no_answer(field, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Start them on the volumes they had."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

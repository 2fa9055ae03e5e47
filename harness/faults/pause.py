"""Freeze every process of a node, as a long garbage collection or a stalled machine does.

A pause is not a partition: the frozen node's kernel still answers TCP, and what was sent to it is
read when it goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed, no_answer
from harness.faults.targets import checked_target, resolve


@dataclass(frozen=True, slots=True)
class Pause:
    """Pause the nodes ``target`` means at injection: a role or a node's name."""

    target: str = "leader"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"pause({self.target})"

    async def inject(self, field: Field) -> Hit:
        """Freeze them."""
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        for node in hit.nodes:
            await field.act(field.cluster.pause, node)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """A request to each gets no answer."""
        return await no_answer(field, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let them go on."""
        for node in hit.nodes:
            await field.act(field.cluster.unpause, node)

"""Kill a node, start it, and kill it again while it still reads back what it had."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed, no_answer
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class KillDuringRecovery:
    """Kill the nodes ``target`` means, start them, and kill them again ``after`` seconds later.

    ``after`` counts from when the engine has started the process. A single node of NATS or Redis
    answers within a tenth of a second, one of Kafka takes seconds.
    """

    target: str = "leader"
    after: float = 0.03

    def __post_init__(self) -> None:
        checked_target(self.target)
        if self.after < 0:
            raise BadOption("after", self.after, "seconds are never negative")

    def __str__(self) -> str:
        return f"kill-during-recovery({self.target})"

    async def inject(self, field: Field) -> Hit:
        """Kill, start, kill: they are down when this returns."""
        hit = Hit(await resolve(field, self.target), await field.observer.leaders(field.destination))
        for node in hit.nodes:
            await field.act(field.cluster.kill, node)
            await field.act(field.cluster.start, node)
            await anyio.sleep(self.after)
            await field.act(field.cluster.kill, node)
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

"""Restart every node in turn, as an upgrade does: the next one waits until the cluster is whole.

The rolling is the injection: when it returns, every node has been down and is up again, and there
is nothing left to heal.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.observed import no_answer
from harness.model.errors import BadOption
from harness.waits import wait_for_condition

SILENT_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class RollingRestart:
    """Stop and start each node; ``whole_within`` is the seconds the cluster has to be whole again."""

    whole_within: float = 40.0
    inject_within: float = 180.0

    def __post_init__(self) -> None:
        if not 0 < self.whole_within <= self.inject_within:
            raise BadOption("whole_within", self.whole_within, "more than 0 and at most inject_within")

    def __str__(self) -> str:
        return "rolling-restart"

    async def inject(self, field: Field) -> Hit:
        """Stop each, see it silent, start it, and wait; raises ``DeadlineExceeded`` where that fails."""
        leaders = await field.observer.leaders(field.destination)
        for node in field.cluster.nodes:
            await self._restart(field, node)
        return Hit(field.cluster.nodes, leaders)

    async def _restart(self, field: Field, node: str) -> None:
        await field.act(field.cluster.stop, node)
        await wait_for_condition(
            lambda: no_answer(field, Hit((node,))),
            condition=f"{self}: {node} is silent after it was stopped",
            within=SILENT_WITHIN,
        )
        await field.act(field.cluster.start, node)
        await wait_for_condition(
            field.observer.not_ready,
            condition=f"{self}: cluster whole after {node} was started again",
            within=self.whole_within,
            until=lambda lacking: not lacking,
            every=0.1,
        )

    async def verify(self, field: Field, hit: Hit) -> str:
        """Each was silent once, which injecting has waited for, and answers again."""
        for node in hit.nodes:
            if not await field.observer.answers(node):
                return ""
        return f"{', '.join(hit.nodes)} were silent in turn and answer again"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """The cluster was whole after each."""
        del field, hit
        return "the cluster was whole after each restart"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Start whatever does not run."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

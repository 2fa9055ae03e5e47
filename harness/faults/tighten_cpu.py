"""Give a running node less processor time, as a noisy neighbour does."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread

from harness.faults.contract import Field, Hit
from harness.faults.sharing import set_shares, tightenable
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class TightenCpu:
    """Limit the nodes ``target`` means to ``processors``, which may be a part of one."""

    target: str = "leader"
    processors: float = 0.05

    def __post_init__(self) -> None:
        checked_target(self.target)
        if not self.processors >= 0.01:  # noqa: PLR2004 - the engine's own least
            raise BadOption("processors", self.processors, "at least 0.01 is needed")

    def __str__(self) -> str:
        return f"tighten-cpu({self.target},{self.processors:g})"

    async def inject(self, field: Field) -> Hit:
        """Set the limit, remembering the one that was there and how often the node had been throttled."""
        cluster = tightenable(field, self)
        nodes = await resolve(field, self.target)
        leaders = await field.observer.leaders(field.destination)
        before = {}
        for node in nodes:
            throttled = (await to_thread.run_sync(cluster.strain, node)).throttled
            before[node] = (cluster.share(node), throttled)
        await set_shares(
            field, self, {node: old._replace(processors=self.processors) for node, (old, _) in before.items()}
        )
        return Hit(nodes, leaders, before=before)

    async def verify(self, field: Field, hit: Hit) -> str:
        """The kernel counts periods in which it made each node wait."""
        cluster = tightenable(field, self)
        seen = []
        for node, (_, throttled) in hit.before.items():
            more = (await to_thread.run_sync(cluster.strain, node)).throttled - throttled
            if more <= 0:
                return ""
            seen.append(f"{node} was throttled in {more} periods")
        return "; ".join(seen)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice."""
        del field, hit
        return "nodes are slower and need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Set the limit that was there."""
        await set_shares(field, self, {node: share for node, (share, _) in hit.before.items()})

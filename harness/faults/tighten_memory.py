"""Give a running node less memory than it might take; one that needs more is killed by the kernel."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread

from harness.faults.contract import Field, Hit
from harness.faults.sharing import set_shares, tightenable
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption

LEAST = 6
"""Megabytes: the engine refuses less."""


@dataclass(frozen=True, slots=True)
class TightenMemory:
    """Limit the nodes ``target`` means to ``megabytes``, without swap."""

    target: str = "leader"
    megabytes: int = 64

    def __post_init__(self) -> None:
        checked_target(self.target)
        if self.megabytes < LEAST:
            raise BadOption("megabytes", self.megabytes, f"at least {LEAST} are needed")

    def __str__(self) -> str:
        return f"tighten-memory({self.target},{self.megabytes}MB)"

    async def inject(self, field: Field) -> Hit:
        """Set the limit, remembering the one that was there."""
        cluster = tightenable(field, self)
        nodes = await resolve(field, self.target)
        leaders = await field.observer.leaders(field.destination)
        before = {node: cluster.share(node) for node in nodes}
        memory = self.megabytes * 1024 * 1024
        await set_shares(field, self, {node: old._replace(memory=memory) for node, old in before.items()})
        return Hit(nodes, leaders, before=before)

    async def verify(self, field: Field, hit: Hit) -> str:
        """The kernel's own limit for each node, or that it has killed it, says so."""
        cluster = tightenable(field, self)
        for node in hit.nodes:
            running = (await to_thread.run_sync(field.cluster.state, node)).running
            if running and (await to_thread.run_sync(cluster.strain, node)).memory > self.megabytes * 1024**2:
                return ""
        return f"{', '.join(hit.nodes)} may have {self.megabytes} MB or were killed for more"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice."""
        del field, hit
        return "nodes have less room and need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Set the limit that was there, and start again what the kernel has killed."""
        await set_shares(field, self, hit.before)
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

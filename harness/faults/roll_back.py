"""Put an older copy of its files back on a stopped node, as a restored backup or a lying disk does."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from harness.faults import corrupting
from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class RollBack:
    """Give every file that matches ``pattern`` (of the shell) the content it had ``seconds`` before."""

    pattern: str
    target: str = "leader"
    seconds: float = 1.0

    def __post_init__(self) -> None:
        checked_target(self.target)
        if self.seconds <= 0:
            raise BadOption("seconds", self.seconds, "a positive number is needed")

    def __str__(self) -> str:
        return f"roll-back({self.pattern},{self.target},{self.seconds:g}s)"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "file-corrupted"

    async def inject(self, field: Field) -> Hit:
        """Copy the files, let traffic go on for that long, kill the nodes, put the copies back."""
        nodes, leaders = await resolve(field, self.target), await field.observer.leaders(field.destination)
        older = {node: await corrupting.contents(field, self, node, self.pattern) for node in nodes}
        await anyio.sleep(self.seconds)
        before = {}
        for node in nodes:
            await field.act(field.cluster.kill, node)
            newer = await corrupting.contents(field, self, node, self.pattern)
            await corrupting.replace(field, self, node, older[node])
            before[node] = {path: (old, newer.get(path)) for path, old in older[node].items()}
        return Hit(nodes, leaders, before=before)

    async def verify(self, field: Field, hit: Hit) -> str:
        """The files, read again, are as they were, and at least one of each node had changed since."""
        cluster = corrupting.corruptible(field, self)
        seen = []
        for node, files in hit.before.items():
            if any(cluster.read_file(node, path) != old for path, (old, _) in files.items()):
                return ""
            changed = [path for path, (old, newer) in files.items() if newer != old]
            if not changed:
                return ""
            seen.append(f"{', '.join(changed)} of {node} as {self.seconds:g} s before")
        return "; ".join(seen)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Start them on the files as they are now."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

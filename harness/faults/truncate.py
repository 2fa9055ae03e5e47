"""Cut off the end of a file of a stopped node, as a crash does in the middle of an append."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import corrupting
from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed
from harness.faults.targets import checked_target, resolve
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class Truncate:
    """Cut the last ``size`` bytes off every file that matches ``pattern`` (of the shell)."""

    pattern: str
    target: str = "leader"
    size: int = 100

    def __post_init__(self) -> None:
        checked_target(self.target)
        if self.size <= 0:
            raise BadOption("size", self.size, "a positive number of bytes is needed")

    def __str__(self) -> str:
        return f"truncate({self.pattern},{self.target},{self.size}B)"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "file-corrupted"

    async def inject(self, field: Field) -> Hit:
        """Kill the nodes and shorten their files."""
        nodes, leaders = await resolve(field, self.target), await field.observer.leaders(field.destination)
        before = {}
        for node in nodes:
            await field.act(field.cluster.kill, node)
            files = await corrupting.contents(field, self, node, self.pattern)
            shorter = {path: content[: -self.size] for path, content in files.items()}
            await corrupting.replace(field, self, node, shorter)
            before[node] = {path: len(content) for path, content in files.items()}
        return Hit(nodes, leaders, before=before)

    async def verify(self, field: Field, hit: Hit) -> str:
        """The files, read again, are shorter than they were."""
        seen = []
        for node, sizes in hit.before.items():
            for path, size in sizes.items():
                now = len(corrupting.corruptible(field, self).read_file(node, path))
                if now != max(0, size - self.size):
                    return ""
                seen.append(f"{path} of {node}: {size} -> {now} bytes")
        return "; ".join(seen)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Start them on the files as they are now."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

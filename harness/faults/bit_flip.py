"""Flip one bit of a file of a stopped node, as a disk does that decays."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import corrupting
from harness.faults.contract import Field, Hit
from harness.faults.observed import cluster_noticed
from harness.faults.targets import checked_target, resolve


@dataclass(frozen=True, slots=True)
class BitFlip:
    """Flip one bit of one file that matches ``pattern`` (of the shell, below the node's data)."""

    pattern: str
    target: str = "leader"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"bit-flip({self.pattern},{self.target})"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "file-corrupted"

    async def inject(self, field: Field) -> Hit:
        """Kill the nodes, and flip a bit that the case's seed chooses on each."""
        nodes, leaders = await resolve(field, self.target), await field.observer.leaders(field.destination)
        before = {}
        for node in nodes:
            await field.act(field.cluster.kill, node)
            files = await corrupting.contents(field, self, node, self.pattern)
            path = field.rng.choice(sorted(files))
            flipped = bytearray(files[path])
            flipped[field.rng.randrange(len(flipped))] ^= 1 << field.rng.randrange(8)
            await corrupting.replace(field, self, node, {path: bytes(flipped)})
            before[node] = (path, files[path])
        return Hit(nodes, leaders, before=before)

    async def verify(self, field: Field, hit: Hit) -> str:
        """The file, read again, differs from what it was in one bit."""
        seen = []
        for node, (path, old) in hit.before.items():
            new = corrupting.corruptible(field, self).read_file(node, path)
            bits = sum((a ^ b).bit_count() for a, b in zip(old, new, strict=False))
            if len(new) != len(old) or bits != 1:
                return ""
            seen.append(f"{path} of {node} differs in one bit of {8 * len(old)}")
        return "; ".join(seen)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What they led has moved, or their peers see them gone."""
        return await cluster_noticed(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """Start them on the files as they are now: corruption does not go away."""
        for node in hit.nodes:
            await field.act(field.cluster.start, node)

"""Make every sync of a node fail with EIO, as a disk with a bad block does.

The data reaches the device all the same: what is tested is what the node makes of the error.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import syncing
from harness.faults.contract import Field, Hit
from harness.faults.targets import checked_target


@dataclass(frozen=True, slots=True)
class FailFsync:
    """Fail fsync and fdatasync of the nodes ``target`` means at injection."""

    target: str = "leader"

    def __post_init__(self) -> None:
        checked_target(self.target)

    def __str__(self) -> str:
        return f"fail-fsync({self.target})"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "fsync-failed"

    async def inject(self, field: Field) -> Hit:
        """Have strace answer every sync with EIO."""
        return await syncing.tamper(field, self, self.target, "error=EIO")

    async def verify(self, field: Field, hit: Hit) -> str:
        """The tracer's own log says that syncs of each node have failed."""
        return syncing.hits(field, self, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """What a node makes of it is its own affair: log it, refuse writes, or end."""
        del field, hit
        return "nodes need not react to an error that nobody else sees"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let syncs succeed, and start again the nodes that have ended."""
        await syncing.let_be(field, self, hit)

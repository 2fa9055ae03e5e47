"""Make every sync of a node take longer, as a disk that is busy or about to die does."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults import syncing
from harness.faults.contract import Field, Hit
from harness.faults.targets import checked_target
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class SlowFsync:
    """Delay fsync and fdatasync of the nodes ``target`` means by ``milliseconds``."""

    target: str = "leader"
    milliseconds: int = 500

    def __post_init__(self) -> None:
        checked_target(self.target)
        if self.milliseconds <= 0:
            raise BadOption("milliseconds", self.milliseconds, "a positive number is needed")

    def __str__(self) -> str:
        return f"slow-fsync({self.target},{self.milliseconds}ms)"

    @property
    def condition(self) -> str:
        """What claims call it."""
        return "fsync-stalled"

    async def inject(self, field: Field) -> Hit:
        """Have strace hold back every sync."""
        return await syncing.tamper(field, self, self.target, f"delay_enter={self.milliseconds * 1000}")

    async def verify(self, field: Field, hit: Hit) -> str:
        """The tracer's own log says that syncs of each node were delayed."""
        return syncing.hits(field, self, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes need not notice."""
        del field, hit
        return "nodes wait for their disks and need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let syncs take what they take."""
        await syncing.let_be(field, self, hit)

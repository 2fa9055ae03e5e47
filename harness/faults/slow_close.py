"""Have connections end late: the other side hears of a close only after a while."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.sever import BOTH
from harness.faults.shaping import at_least, checked_link, measured, named, put_in_force, put_to_rest
from harness.model.cluster import Toxic

_TOLERANCE = 0.2


@dataclass(frozen=True, slots=True)
class SlowClose:
    """Delay the end of every connection of ``link`` by ``milliseconds``, whoever closes it."""

    link: str = BOTH
    milliseconds: int = 1000
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("milliseconds", self.milliseconds, 50)

    def __str__(self) -> str:
        return named("slow-close", self.link, self.target, f"{self.milliseconds}ms")

    @property
    def _toxic(self) -> Toxic:
        return Toxic("slow-close", "slow_close", {"delay": self.milliseconds})

    async def inject(self, field: Field) -> Hit:
        """Hold the end back."""
        return await put_in_force(field, self, self.link, self.target, self._toxic)

    async def verify(self, field: Field, hit: Hit) -> str:
        """A node that is made to end a connection has ended it so much later, as seen from here."""
        wanted = self.milliseconds / 1000
        seen = await measured(field, self, hit, self.link, lambda talk: talk.dismissed(wanted + 5.0))
        if min(seen) < wanted * (1 - _TOLERANCE):
            return ""
        return f"connections end {min(seen) * 1000:.0f} to {max(seen) * 1000:.0f} ms after that"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes notice late that a client has gone, which is the point."""
        del field, hit
        return "both sides hear of an end late, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let connections end when they are closed."""
        await put_to_rest(field, self, hit, self.link, self._toxic)

"""Make a link slow: every round trip takes longer, half of it on the way there and half on the way back."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit
from harness.faults.sever import BOTH
from harness.faults.shaping import (
    at_least,
    checked_link,
    measured,
    named,
    over_admin,
    put_in_force,
    put_to_rest,
)
from harness.model.cluster import Toxic
from harness.model.errors import BadOption

_TOLERANCE, _CLOCK = 0.2, 0.02
"""How far a round trip may be from what was asked for: a part of it, and seconds."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Add ``milliseconds``, plus or minus up to ``jitter``, to every round trip over ``link``."""

    link: str = BOTH
    milliseconds: int = 100
    jitter: int = 0
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("milliseconds", self.milliseconds, 2)
        if not 0 <= self.jitter <= self.milliseconds:
            raise BadOption("jitter", self.jitter, f"it is between 0 and {self.milliseconds} ms")

    def __str__(self) -> str:
        jitter = (f"jitter={self.jitter}ms",) if self.jitter else ()
        return named("latency", self.link, self.target, f"{self.milliseconds}ms", *jitter)

    @property
    def _toxic(self) -> Toxic:
        attributes = {"latency": self.milliseconds // 2, "jitter": self.jitter // 2}
        return Toxic("latency", "latency", attributes)

    async def inject(self, field: Field) -> Hit:
        """Delay what passes."""
        return await put_in_force(field, self, self.link, self.target, self._toxic)

    async def verify(self, field: Field, hit: Hit) -> str:
        """A round trip over the link takes as much longer than one over the admin link."""
        wanted, spread = self.milliseconds / 1000, self.jitter / 1000
        slowest = (wanted + spread) * (1 + _TOLERANCE) + _CLOCK
        usual = await over_admin(field, self, hit.nodes[0], 1.0)
        took = await measured(field, self, hit, self.link, lambda talk: talk.ask(2 * slowest + 2.0))
        seen = [seconds - usual for seconds in took]
        if min(seen) < (wanted - spread) * (1 - _TOLERANCE) - _CLOCK or max(seen) > slowest:
            return ""
        return f"round trips take {min(seen) * 1000:.0f} to {max(seen) * 1000:.0f} ms more than over admin"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """There is nothing for nodes to notice."""
        del field, hit
        return "clients wait longer, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let it pass at once."""
        await put_to_rest(field, self, hit, self.link, self._toxic)

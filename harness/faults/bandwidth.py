"""Make a link narrow: so many bytes a second on each connection, in each direction."""

from __future__ import annotations

from dataclasses import dataclass

from harness.backends.contract import Talk
from harness.faults.contract import Field, Hit
from harness.faults.sever import BOTH
from harness.faults.shaping import at_least, checked_link, measured, named, put_in_force, put_to_rest
from harness.model.cluster import Toxic
from harness.model.errors import BadOption

_MOST = 1000
"""Kilobytes a second above which the seconds of the largest request are too few to be measured."""


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Let ``kilobytes_per_second`` (of 1000 bytes) pass on each connection of ``link``."""

    link: str = BOTH
    kilobytes_per_second: int = 64
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("kilobytes_per_second", self.kilobytes_per_second, 1)
        if self.kilobytes_per_second > _MOST:
            raise BadOption("kilobytes_per_second", self.kilobytes_per_second, f"at most {_MOST} can be seen")

    def __str__(self) -> str:
        return named("bandwidth", self.link, self.target, f"{self.kilobytes_per_second}kB/s")

    @property
    def _toxic(self) -> Toxic:
        return Toxic("bandwidth", "bandwidth", {"rate": self.kilobytes_per_second})

    async def inject(self, field: Field) -> Hit:
        """Let bytes wait for their turn."""
        return await put_in_force(field, self, self.link, self.target, self._toxic)

    async def verify(self, field: Field, hit: Hit) -> str:
        """A large request, and its answer where that is as large, pass at the rate."""
        seen = await measured(field, self, hit, self.link, self._rate)
        if max(seen) > 1.2 * self.kilobytes_per_second:
            return ""
        return f"{min(seen):.0f} to {max(seen):.0f} kB/s pass"

    async def _rate(self, talk: Talk) -> float:
        size = min(talk.largest, self.kilobytes_per_second * 400)
        passed = size * (2 if talk.echoes else 1)
        return passed / 1000 / await talk.ask(10.0, size)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """There is nothing for nodes to notice."""
        del field, hit
        return "clients wait longer, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let everything pass at once."""
        await put_to_rest(field, self, hit, self.link, self._toxic)

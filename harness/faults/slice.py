"""Slice what passes into small packets, so that nothing arrives in the pieces it was sent in."""

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

_PACKETS = 100
"""How many packets the request is cut into by which the slicing is seen."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Cut what passes ``link`` into packets of about ``size`` bytes, ``microseconds`` apart."""

    link: str = BOTH
    size: int = 64
    microseconds: int = 1000
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("size", self.size, 1)
        # Closer together, the kernel puts them into one packet again.
        at_least("microseconds", self.microseconds, 500)

    def __str__(self) -> str:
        return named("slice", self.link, self.target, f"{self.size}B")

    @property
    def _toxic(self) -> Toxic:
        attributes = {"average_size": self.size, "size_variation": 0, "delay": self.microseconds}
        return Toxic("slice", "slicer", attributes)

    async def inject(self, field: Field) -> Hit:
        """Cut it up."""
        return await put_in_force(field, self, self.link, self.target, self._toxic)

    async def verify(self, field: Field, hit: Hit) -> str:
        """A request takes the gaps between its packets longer than over the admin link."""
        usual = await over_admin(field, self, hit.nodes[0], 2.0, self._large)
        took = await measured(field, self, hit, self.link, lambda talk: talk.ask(10.0, self._large))
        seen = [(seconds - usual) / (self.microseconds / 1e6) for seconds in took]
        if min(seen) < _PACKETS / 2:
            return ""
        return f"a request of {self._large} bytes takes the gaps of {min(seen):.0f} packets or more"

    @property
    def _large(self) -> int:
        return min(self.size * _PACKETS, 30_000)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """There is nothing for nodes to notice."""
        del field, hit
        return "everything arrives, in pieces"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let it pass whole."""
        await put_to_rest(field, self, hit, self.link, self._toxic)

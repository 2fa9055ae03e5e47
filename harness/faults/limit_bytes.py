"""End connections in the middle of an answer: after so many bytes from the node, there are no more.

What a connection has carried while the fault was in force counts, under an earlier strike too.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.backends.contract import Talk
from harness.faults.contract import Field, Hit
from harness.faults.shaping import at_least, checked_link, named, put_in_force, put_to_rest, talks_of
from harness.model.cluster import Toxic

_SMALLEST_ANSWER = 10
"""Bytes; no answer to a request of ours is smaller, so that many requests are enough."""


@dataclass(frozen=True, slots=True)
class LimitBytes:
    """End every connection of ``link`` when the node has sent ``size`` bytes over it."""

    link: str = "consumer"
    size: int = 1000
    target: str = "all"

    def __post_init__(self) -> None:
        checked_link(self.link, self.target)
        at_least("size", self.size, 1)

    def __str__(self) -> str:
        return named("limit-bytes", self.link, self.target, f"{self.size}B")

    @property
    def _toxic(self) -> Toxic:
        return Toxic("limit", "limit_data", {"bytes": self.size}, upstream=False)

    async def inject(self, field: Field) -> Hit:
        """Count what the nodes send, and end what has had its share."""
        return await put_in_force(field, self, self.link, self.target, self._toxic)

    async def verify(self, field: Field, hit: Hit) -> str:
        """Connections of ours, asked until they end, have ended at the very byte."""
        del field
        seen = [await self._until_the_end(talk) for talk in talks_of(hit)]
        if not seen or any(received != self.size for received in seen):
            return ""
        return f"{len(seen)} connections ended after {self.size} bytes"

    async def _until_the_end(self, talk: Talk) -> int:
        """How many bytes arrive before the connection ends; -1 if it does not."""
        before = talk.received
        try:
            for _ in range(self.size // _SMALLEST_ANSWER + 2):
                await talk.ask(2.0, min(self.size, 10_000))
        except ConnectionError:
            return talk.received - before
        return -1

    async def reacted(self, field: Field, hit: Hit) -> str:
        """Nodes cannot notice: to them, a client went away."""
        del field, hit
        return "clients have to connect again, nodes need not react"

    async def heal(self, field: Field, hit: Hit) -> None:
        """Let connections last."""
        await put_to_rest(field, self, hit, self.link, self._toxic)

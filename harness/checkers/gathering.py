"""Gathers what belongs together into one anomaly, so that a lost log is one sentence, not a million."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from harness.checkers.anomaly import MOST_EVIDENCE, Anomaly
from harness.model.claim import Guarantee

_NAMED = 3


@dataclass(slots=True)
class _Heap:
    # Dictionaries for their keys: ordered sets.
    messages: dict[str, None] = field(default_factory=dict)
    ops: dict[int, None] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)


class Gathering:
    """Findings of one guarantee, gathered by what is wrong, the destination and the group."""

    def __init__(self, guarantee: Guarantee) -> None:
        self._guarantee = guarantee
        self._heaps: dict[tuple[str, str, str], _Heap] = {}

    def add(  # noqa: PLR0913 - what an anomaly is made of
        self, message: str, wrong: str, *, ops: Iterable[int], at: int, destination: str, group: str = ""
    ) -> None:
        """Add a message of which ``wrong`` is true, at a time in monotonic nanoseconds.

        ``wrong`` completes the sentence "3 messages of orders ..." and "1 message of orders ...".
        """
        heap = self._heaps.setdefault((wrong, destination, group), _Heap())
        heap.messages[message] = None
        heap.times.append(at)
        if len(heap.ops) < MOST_EVIDENCE:
            heap.ops.update(dict.fromkeys(ops))

    def anomalies(self) -> list[Anomaly]:
        """One anomaly for each thing that is wrong with a destination or a group of it."""
        return [
            Anomaly(
                guarantee=self._guarantee,
                summary=f"{named(heap.messages)} of {place(destination, group)} {wrong}",
                messages=tuple(heap.messages),
                evidence=tuple(heap.ops),
                destination=destination,
                group=group,
                since=min(heap.times),
                until=max(heap.times),
            )
            for (wrong, destination, group), heap in self._heaps.items()
        ]


def named(messages: Iterable[str]) -> str:
    """How many messages, and the first few of them by name: ``4 messages (p1-1, p1-2, p1-3, ...)``."""
    every = list(messages)
    few = ", ".join(name or "one without an id" for name in islice(every, _NAMED))
    more = ", ..." if len(every) > _NAMED else ""
    return f"{len(every)} message{'' if len(every) == 1 else 's'} ({few}{more})"


def place(destination: str, group: str) -> str:
    """A destination, or a group of it, in words."""
    return f"{destination}, group {group}," if group else destination

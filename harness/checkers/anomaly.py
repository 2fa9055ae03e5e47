"""What a checker is, and what it answers with.

A checker is a frozen dataclass that names its guarantee and, called with a history, returns the
anomalies in it: evidence, or nothing. It neither knows claims nor decides what is acceptable;
``harness.checkers.judge`` does. One that needs more than the history holds (the log was never
read) implements ``CanAbstain`` as well, and says so rather than passing in silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.history.view import History
from harness.model.claim import Guarantee

MOST_EVIDENCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One finding: what is wrong, with whom, and the ops that show it.

    ``messages`` are the ids concerned, all of them; ``count`` is what a claim's bound is held
    against (by default the number of ``messages``). ``evidence`` are op ids, of which the first
    ten are kept. ``since`` and ``until`` are monotonic nanoseconds, 0 where there is no time.
    """

    guarantee: Guarantee
    summary: str
    messages: tuple[str, ...]
    evidence: tuple[int, ...] = ()
    destination: str = ""
    group: str = ""
    count: int = 0
    since: int = 0
    until: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "evidence", self.evidence[:MOST_EVIDENCE])
        object.__setattr__(self, "count", self.count or len(self.messages))


class Checker(Protocol):
    """Looks after one guarantee."""

    @property
    def guarantee(self) -> Guarantee: ...
    def __call__(self, history: History) -> list[Anomaly]: ...


@runtime_checkable
class CanAbstain(Protocol):
    """A checker that can say why it could not judge, or not all of it."""

    def abstains(self, history: History) -> Sequence[str]:
        """One reason for each thing left unjudged; empty when everything was judged."""
        ...

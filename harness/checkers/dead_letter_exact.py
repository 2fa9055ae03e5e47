"""Dead letters that are not exactly the poison: each once, nothing else, and never back.

Of a destination, its dead letter and the ids known to be poison, four things can be wrong:

1. a poison message, acknowledged when published, is not in the dead letter's log, read whole;
2. a poison message is there more than once (at several positions);
3. something else is there;
4. a poison message was delivered to the group by a receive invoked after it had been dead-lettered:
   after its ``reject`` had ended ``ok``, or after it had been seen in the dead letter.

Not wrong: what was published to the dead letter itself, markers among it; a poison message whose
publish did not end ``ok`` and is missing; deliveries to other groups, each of which has its own
attempts. Where the dead letter's log was not read, absence cannot be told: it abstains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import NEVER
from harness.history.records import Function
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position
from harness.model.outcome import Outcome


@dataclass(slots=True)
class _Sighting:
    """Where and when one message was seen in the dead letter."""

    positions: dict[Position, int] = field(default_factory=dict)
    first: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetterExact:
    """Finds what keeps ``dead_letter`` from being exactly the ``poison`` of ``destination``.

    ``group`` is the one whose failed attempts dead-letter a message.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.DEAD_LETTER_EXACT
    destination: str
    dead_letter: str
    poison: frozenset[str]
    group: str

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        dead = _dead(history, self.dead_letter)
        self._contents(history, dead, found)
        self._missing(history, dead, found)
        self._delivered_after(history, dead, found)
        return found.anomalies()

    def abstains(self, history: History) -> list[str]:
        """That the dead letter's log was not read, if so."""
        if history.whole_log(self.dead_letter) is not None:
            return []
        untold = "missing dead letters cannot be told; case.drained() reads it"
        return [f"{self.dead_letter}: its log was not read whole, so {untold}"]

    def _contents(self, history: History, dead: dict[str, _Sighting], found: Gathering) -> None:
        for message, sighting in dead.items():
            published_there = any(
                publish.destination == self.dead_letter for publish in history.sent.get(message, ())
            )
            if message not in self.poison and not published_there:
                wrong = "dead-lettered, though not poison"
            elif message in self.poison and len(sighting.positions) > 1:
                wrong = "dead-lettered more than once"
            else:
                continue
            ops = sighting.positions.values()
            found.add(message, wrong, ops=ops, at=sighting.first, destination=self.dead_letter)

    def _missing(self, history: History, dead: dict[str, _Sighting], found: Gathering) -> None:
        log = history.whole_log(self.dead_letter)
        for message in sorted(self.poison - dead.keys()) if log else ():
            publishes = history.sent.get(message, ())
            if log and any(publish.outcome is Outcome.OK for publish in publishes):
                ops = (*(publish.op for publish in publishes), log.op)
                found.add(
                    message,
                    "poison and not dead-lettered",
                    ops=ops,
                    at=log.returned,
                    destination=self.dead_letter,
                )

    def _delivered_after(self, history: History, dead: dict[str, _Sighting], found: Gathering) -> None:
        since = dict(self._rejected(history))
        for message in self.poison & dead.keys():
            since[message] = min(since.get(message, dead[message].first), dead[message].first)
        for receive, seen in history.deliveries((self.destination, self.group)):
            if receive.invoked > since.get(seen.message, receive.invoked):
                found.add(
                    seen.message,
                    "delivered again after it was dead-lettered",
                    ops=(receive.op,),
                    at=receive.returned,
                    destination=self.destination,
                    group=self.group,
                )

    def _rejected(self, history: History) -> Iterator[tuple[str, int]]:
        for act in reversed(history.settlements.get((self.destination, self.group), [])):
            if act.function is Function.REJECT and act.outcome is Outcome.OK and act.returned != NEVER:
                yield act.message, act.returned


def _dead(history: History, dead_letter: str) -> dict[str, _Sighting]:
    dead: dict[str, _Sighting] = {}
    for destination, _, op in history.sightings():
        if destination != dead_letter:
            continue
        for seen in op.seen:
            sighting = dead.setdefault(seen.message, _Sighting(first=op.returned))
            sighting.positions.setdefault(seen.position, op.op)
            sighting.first = min(sighting.first, op.returned)
    return dead

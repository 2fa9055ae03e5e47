"""A stored duplicate: one message stands at more positions of a log than it was put there.

The positions of a message id in one destination, over receipts, deliveries and the log, are more
than its publishes there that may have taken effect: those that did not end ``fail`` and whose
receipt does not say ``deduplicated``. Each such publish accounts for one stored copy; no client
retries inside an op.

Not a stored duplicate: a redelivery, which comes from the *same* position; a second publish of
the same id without a deduplication key. Where all publishes of one id carry one deduplication
key, ``NoStoredDuplicates(deduplicated=True)`` allows one copy however often it was published.
Copies in a dead letter are ``DeadLetterExact``'s.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position
from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class NoStoredDuplicates:
    """Finds messages that a log holds more often than they were published.

    ``deduplicated`` says that all publishes of one id carry one deduplication key.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.NO_STORED_DUPLICATES
    deduplicated: bool = False

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for (destination, message), places in _repeated(history).items():
            allowed = self._allowed(history, destination, message)
            if not 0 < allowed < len(places):
                continue
            ops = dict.fromkeys(op for op, _ in places.values())
            found.add(
                message,
                "stored more often than published",
                ops=(*(publish.op for publish in history.sent[message]), *ops),
                at=max(time for _, time in places.values()),
                destination=destination,
            )
        return found.anomalies()

    def _allowed(self, history: History, destination: str, message: str) -> int:
        effective = sum(
            publish.outcome is not Outcome.FAIL and not publish.deduplicated
            for publish in history.sent.get(message, ())
            if publish.destination == destination
        )
        return min(effective, 1) if self.deduplicated else effective


def _repeated(history: History) -> dict[tuple[str, str], dict[Position, tuple[int, int]]]:
    """The messages seen at several positions, with the op and time that first named each."""
    first: defaultdict[str, dict[str, Position]] = defaultdict(dict)
    repeated = set()
    for publish in history.publishes:
        if publish.position is not None and not publish.deduplicated:
            place = first[publish.destination].setdefault(publish.message, publish.position)
            if place != publish.position:
                repeated.add((publish.destination, publish.message))
    for destination, _, op in history.sightings():
        places = first[destination]
        for seen in op.seen:
            if places.setdefault(seen.message, seen.position) != seen.position:
                repeated.add((destination, seen.message))
    named: defaultdict[tuple[str, str], dict[Position, tuple[int, int]]] = defaultdict(dict)
    for where, position, op_and_time in _namings(history) if repeated else ():
        if where in repeated:
            named[where].setdefault(position, op_and_time)
    return named


def _namings(history: History) -> Iterator[tuple[tuple[str, str], Position, tuple[int, int]]]:
    for publish in history.publishes:
        if publish.position is not None and not publish.deduplicated:
            where = (publish.destination, publish.message)
            yield where, publish.position, (publish.op, publish.returned)
    for destination, _, op in history.sightings():
        for seen in op.seen:
            yield (destination, seen.message), seen.position, (op.op, op.returned)

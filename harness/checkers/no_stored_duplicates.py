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
        for (destination, message), places in _places(history).items():
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


def _places(history: History) -> dict[tuple[str, str], dict[Position, tuple[int, int]]]:
    """Where the messages that may stand twice were seen, with the op and time that first said so."""
    # One publish and every sighting of it as its receipt says: that is no suspect.
    suspects = {(sighting.destination, sighting.seen.message) for sighting in history.unconfirmed}
    suspects.update(
        (publish.destination, publish.message)
        for publishes in history.sent.values()
        if len(publishes) > 1
        for publish in publishes
    )
    places: defaultdict[tuple[str, str], dict[Position, tuple[int, int]]] = defaultdict(dict)
    for where, position, op, time in _namings(history) if suspects else ():
        if where in suspects:
            places[where].setdefault(position, (op, time))
    return places


def _namings(history: History) -> Iterator[tuple[tuple[str, str], Position, int, int]]:
    for publish in history.publishes:
        if publish.position is not None and not publish.deduplicated:
            yield (publish.destination, publish.message), publish.position, publish.op, publish.returned
    for destination, _, op in history.sightings():
        for seen in op.seen:
            yield (destination, seen.message), seen.position, op.op, op.returned

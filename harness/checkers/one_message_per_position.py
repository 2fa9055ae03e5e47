"""Two messages at one position: two nodes each believed that the log was theirs (split brain).

A position of a destination's log is named by the receipt of one message and by a receipt, a
delivery or a log entry of another, or by deliveries or log entries of two.

Not an anomaly: the same message named twice (a redelivery); a receipt that says ``deduplicated``,
because it names the place of an earlier message with the same deduplication key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import named
from harness.history.facts import NEVER
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position


@dataclass(frozen=True, slots=True)
class OneMessagePerPosition:
    """Finds positions at which more than one message was seen."""

    guarantee: ClassVar[Guarantee] = Guarantee.ONE_MESSAGE_PER_POSITION

    def __call__(self, history: History) -> list[Anomaly]:
        contested = _contested(history)
        if not contested:
            return []
        # Who named a contested position is looked up afterwards, rather than kept for every one.
        names: defaultdict[str, dict[tuple[Position, str], tuple[int, int]]] = defaultdict(dict)
        for destination, position, message, op, time in _namings(history):
            if (destination, position) in contested:
                names[destination].setdefault((position, message), (op, time))
        return [self._anomaly(destination, seen) for destination, seen in names.items()]

    def _anomaly(self, destination: str, seen: dict[tuple[Position, str], tuple[int, int]]) -> Anomaly:
        in_order = sorted(seen)
        positions = len({position for position, _ in in_order})
        messages = dict.fromkeys(message for _, message in in_order)
        times = [time for _, time in seen.values()]
        return Anomaly(
            guarantee=self.guarantee,
            summary=f"{named(messages)} of {destination} share {positions} "
            f"position{'' if positions == 1 else 's'}, the first {tuple(in_order[0][0])}",
            messages=tuple(messages),
            evidence=tuple(dict.fromkeys(seen[name][0] for name in in_order)),
            destination=destination,
            count=positions,
            since=min(times),
            until=max(times),
        )


def _contested(history: History) -> set[tuple[str, Position]]:
    first: defaultdict[str, dict[Position, str]] = defaultdict(dict)
    contested = set()
    for publish in history.publishes:
        if publish.position is not None and not publish.deduplicated:
            holder = first[publish.destination].setdefault(publish.position, publish.message)
            if holder != publish.message:
                contested.add((publish.destination, publish.position))
    # What a receipt confirms adds nothing to that receipt.
    for destination, _, _, seen in history.unconfirmed:
        if first[destination].setdefault(seen.position, seen.message) != seen.message:
            contested.add((destination, seen.position))
    return contested


def _namings(history: History) -> Iterator[tuple[str, Position, str, int, int]]:
    for publish in history.publishes:
        if publish.position is not None and not publish.deduplicated:
            time = publish.invoked if publish.returned == NEVER else publish.returned
            yield publish.destination, publish.position, publish.message, publish.op, time
    for destination, _, op in history.sightings():
        for seen in op.seen:
            yield destination, seen.position, seen.message, op.op, op.returned

"""A message that came back after it had been acknowledged.

A group's ack of a delivery ended ``ok``, and the same position was delivered to the same group
again by a receive *invoked after* that. The ack of one member settles the message for all.

Not an anomaly: a delivery by a receive that was already under way when the ack returned, for it
may have been buffered or prefetched by then; a redelivery after an ack that ended ``info`` or
``fail``; a stored duplicate, which has another position; the acknowledgements implied by one that
settles all before it (``AckPolicy.ALL``), because the history does not hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import GroupOf, Settlement
from harness.history.records import Function
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position
from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class AckedStaysAcked:
    """Finds messages delivered again to a group that had acknowledged them."""

    guarantee: ClassVar[Guarantee] = Guarantee.ACKED_STAYS_ACKED

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for of in history.receives:
            again = history.handed(of).again
            acked = _first_acks(history, of, {seen.message for _, seen in again})
            for receive, seen in again:
                ack = acked.get((seen.message, seen.position)) or acked.get((seen.message, None))
                if ack is not None and receive.invoked > ack.returned:
                    found.add(
                        seen.message,
                        "came back after the acknowledgement",
                        ops=(ack.op, receive.op),
                        at=receive.returned,
                        destination=of[0],
                        group=of[1],
                    )
        return found.anomalies()


def _first_acks(
    history: History, of: GroupOf, suspects: set[str]
) -> dict[tuple[str, Position | None], Settlement]:
    acked: dict[tuple[str, Position | None], Settlement] = {}
    for ack in history.settlements.get(of, ()) if suspects else ():
        if ack.message in suspects and ack.function is Function.ACK and ack.outcome is Outcome.OK:
            first = acked.setdefault((ack.message, ack.position), ack)
            if ack.returned < first.returned:
                acked[ack.message, ack.position] = ack
    return acked

"""A misrouted message: it came out of a destination it was never sent to.

Either the broker handed it over under another destination's name than the one subscribed to or
read, or no publish of its id was addressed to the destination it came out of.

Not an anomaly: coming out of the dead letter of a destination it was sent to (observation
``dead-letter``); an id that nobody sent (a phantom).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.records import Seen
from harness.history.view import History
from harness.model.claim import Guarantee


@dataclass(frozen=True, slots=True)
class RightDestination:
    """Finds messages that came out where they were not sent."""

    guarantee: ClassVar[Guarantee] = Guarantee.RIGHT_DESTINATION

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for destination, group, op, seen in history.unconfirmed:
            if wrong := _misrouted(history, destination, seen):
                ops = (*(publish.op for publish in history.sent.get(seen.message, ())), op.op)
                found.add(seen.message, wrong, ops=ops, at=op.returned, destination=destination, group=group)
        return found.anomalies()


def _misrouted(history: History, destination: str, seen: Seen) -> str:
    if seen.destination != destination:
        return f"came out under the name of {seen.destination!r}"
    targets = {publish.destination for publish in history.sent.get(seen.message, ())}
    if targets and destination not in targets | {history.dead_letter(target) for target in targets}:
        return f"came out there, though sent to {', '.join(sorted(targets))}"
    return ""

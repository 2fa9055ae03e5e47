"""A failed publish that took effect: ``fail`` means it did not and never will, yet it came out.

Every publish of the message's id ended ``fail``, and the message was delivered or stands in the
log. Either the broker lies about its failures or the backend classifies an error as definite
that is not: this checker audits ``Backend.classify``.

Not an anomaly: a publish that ended ``info``, or never ended, may come out or not; nor a message
that failed and was then published again with another outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class FailedStaysOut:
    """Finds messages that came out although every publish of them had failed."""

    guarantee: ClassVar[Guarantee] = Guarantee.NO_FAILED_DELIVERED

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for destination, group, op, seen in history.unconfirmed:
            publishes = history.sent.get(seen.message, ())
            if publishes and all(publish.outcome is Outcome.FAIL for publish in publishes):
                found.add(
                    seen.message,
                    "came out, though the publish had failed",
                    ops=(*(publish.op for publish in publishes), op.op),
                    at=op.returned,
                    destination=destination,
                    group=group,
                )
        return found.anomalies()

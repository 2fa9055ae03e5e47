"""A phantom: a message that came out although nobody had put it in.

It was delivered, or stands in the log, and no publish of its id was ever invoked, or it was
there before the first one was: the invoke is recorded before the request is sent.

Not a phantom: a message whose publish failed or timed out (``FailedStaysOut`` looks after the
former), or anything on a destination to which somebody writes unrecorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.view import History
from harness.model.claim import Guarantee


@dataclass(frozen=True, slots=True)
class NoPhantomMessages:
    """Finds messages that came out although nobody had sent them."""

    guarantee: ClassVar[Guarantee] = Guarantee.NO_PHANTOM

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        sent, outside = history.sent, history.written_from_outside()
        for destination, group, op in history.sightings():
            if destination in outside:
                continue
            for seen in op.seen:
                publishes = sent.get(seen.message)
                if publishes is None:
                    wrong = "came out, though nobody sent it"
                elif op.returned < publishes[0].invoked:
                    wrong = "came out before it was sent"
                else:
                    continue
                found.add(
                    seen.message, wrong, ops=(op.op,), at=op.returned, destination=destination, group=group
                )
        return found.anomalies()

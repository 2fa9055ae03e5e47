"""A phantom: a message that came out although nobody had put it in.

It was delivered, or stands in the log, and no publish of its id was ever invoked: the invoke is
recorded before the request is sent, so not even a killed publisher leaves phantoms.

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
        outside = history.written_from_outside()
        for destination, group, op, seen in history.unconfirmed:
            if seen.message not in history.sent and destination not in outside:
                found.add(
                    seen.message,
                    "came out, though never sent",
                    ops=(op.op,),
                    at=op.returned,
                    destination=destination,
                    group=group,
                )
        return found.anomalies()

"""An altered message: what came out is not, byte for byte, what was put in.

The digest (of key, payload and the user's headers) or the key of a delivery or a log entry
differs from that of every publish of the message's id.

Not an anomaly: a publish or a reader that records no digest; a message published twice with
different contents under one id, if one of them matches; an id that nobody sent (a phantom).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import Publish
from harness.history.records import Seen
from harness.history.view import History
from harness.model.claim import Guarantee


@dataclass(frozen=True, slots=True)
class NoAlteredMessages:
    """Finds messages that came out other than they were put in."""

    guarantee: ClassVar[Guarantee] = Guarantee.NO_ALTERATION

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for destination, group, op, seen in history.unconfirmed:
            publishes = history.sent.get(seen.message, ())
            if not publishes or any(_same(publish, seen) for publish in publishes):
                continue
            found.add(
                seen.message,
                f"came out with another {_difference(publishes[0], seen)}",
                ops=(publishes[0].op, op.op),
                at=op.returned,
                destination=destination,
                group=group,
            )
        return found.anomalies()


def _same(publish: Publish, seen: Seen) -> bool:
    if not publish.digest or not seen.digest:
        return True
    return publish.digest == seen.digest and publish.key == seen.key


def _difference(publish: Publish, seen: Seen) -> str:
    return "key" if publish.key != seen.key else "payload or headers"

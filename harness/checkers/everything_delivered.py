"""A stranded message: it stands in the log, and a group that read everything never got it.

Judged are groups that were drained (observation ``drained``: a marker published to every
partition after healing came out) on destinations whose log was read whole. Every entry up to the
last one the group was handed, partition by partition, must have been handed to it at least once,
in any attempt; entries after it are later than the marker.

Not stranded: a message that is not in the log (``NoLostMessages``). A group that starts with what
comes next (``Start.NEW``) is owed only what was published after it was joined:
``EverythingDelivered(since_joined=True)``. Of groups that were not drained it abstains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import GroupOf
from harness.history.records import Function, Seen
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position
from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class EverythingDelivered:
    """Finds stored messages that a drained group never got.

    ``since_joined`` leaves out what was published before a member had joined the group; ``group``
    leaves out every other group.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.EVERYTHING_DELIVERED
    since_joined: bool = False
    group: str = ""

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        for of in self._drained(history):
            log = history.whole_log(of[0])
            if log is None:
                continue
            owed_since = _joined(history, of) if self.since_joined else 0
            for entry in _stranded(history, of, log.seen):
                publishes = history.sent.get(entry.message, ())
                if any(publish.invoked < owed_since for publish in publishes):
                    continue
                found.add(
                    entry.message,
                    "never delivered, though in the log",
                    ops=(*(publish.op for publish in publishes), log.op),
                    at=log.returned,
                    destination=of[0],
                    group=of[1],
                )
        return found.anomalies()

    def abstains(self, history: History) -> list[str]:
        """The groups that were not drained, and the drained ones whose log was not read."""
        drained = self._drained(history)
        reasons = [
            f"{destination}: group {group} was not drained, so what it was owed cannot be told"
            for destination, group in history.receives
            if (destination, group) not in drained and self.group in ("", group)
        ]
        return reasons + [
            f"{destination}: its log was not read whole, so what group {group} was owed cannot be told; "
            "case.drained() reads it"
            for destination, group in drained
            if history.whole_log(destination) is None
        ]

    def _drained(self, history: History) -> list[GroupOf]:
        seen = history.observed("drained", group=self.group)
        return list(dict.fromkeys((drained.destination, drained.group) for drained in seen))


def _stranded(history: History, of: GroupOf, log: tuple[Seen, ...]) -> Iterator[Seen]:
    delivered = history.handed(of).first
    undelivered = [entry for entry in log if entry.position not in delivered]
    last: dict[int, Position] = {}
    for position in delivered if undelivered else ():
        last[position.partition] = max(last.get(position.partition, position), position)
    for entry in undelivered:
        end = last.get(entry.position.partition)
        if end is None or entry.position < end:
            yield entry


def _joined(history: History, of: GroupOf) -> int:
    return min(
        (
            member.returned
            for member in history.memberships.get(of, ())
            if member.function is Function.SUBSCRIBE and member.outcome is Outcome.OK
        ),
        default=0,
    )

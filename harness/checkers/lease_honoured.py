"""A lease cut short: a delivery was handed out again while its first holder still held it.

The same position was delivered to a group twice, and from the *invoke* of the one receive to the
*return* of the other is less than the lease, whichever of the two was handed out first: of
receives that overlap, the one that returned first need not be the one that was served first. So
neither a slow client nor a slow network is ever blamed. An extension that ended ``ok`` in good
time starts the lease anew.

Not cut short: when the delivery may have been given back by the time of the second, by a nak or
reject (one of unknown outcome may take effect at any later time) or because its holder left the
group (``close``). A holder whose connection broke is a matter for a claim.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import NEVER, GroupOf, Membership, Receive, Settlement
from harness.history.records import Function, Seen
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.errors import BadOption
from harness.model.message import Position
from harness.model.outcome import Outcome

_GIVEN_BACK = frozenset({Function.NAK, Function.REJECT})


@dataclass(frozen=True, slots=True)
class LeaseHonoured:
    """Finds deliveries handed out again before ``lease`` (seconds) was over.

    Raises ``BadOption`` for a lease that is not positive.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.LEASE_HONOURED
    lease: float

    def __post_init__(self) -> None:
        if self.lease <= 0:
            raise BadOption("lease", self.lease, "a positive number of seconds is needed")

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        lease = round(self.lease * 1e9)
        for of in history.receives:
            for first, second, seen in _too_early(history, of, lease):
                found.add(
                    seen.message,
                    f"handed out again within the lease of {self.lease:g} s",
                    ops=(first.op, second.op),
                    at=second.returned,
                    destination=of[0],
                    group=of[1],
                )
        return found.anomalies()


def _too_early(history: History, of: GroupOf, lease: int) -> Iterator[tuple[Receive, Receive, Seen]]:
    suspects = list(_repeated(history, of))
    if not suspects:
        return
    settled: defaultdict[str, list[Settlement]] = defaultdict(list)
    for settlement in history.settlements.get(of, ()):
        settled[settlement.message].append(settlement)
    for first, second, seen in suspects:
        acts = [act for act in settled[seen.message] if act.position in (None, seen.position)]
        longest = max(second.returned - _renewed(acts, first, second, lease), first.returned - second.invoked)
        if longest < lease and not _given_back(acts, first, second) and not _left(history, of, first, second):
            yield first, second, seen


def _repeated(history: History, of: GroupOf) -> Iterator[tuple[Receive, Receive, Seen]]:
    """Pairs of successive deliveries of one position: an extension can make the latest redelivery early."""
    handed = history.handed(of)
    last: dict[Position, Receive] = {}
    for receive, seen in handed.again:
        yield last.get(seen.position) or handed.first[seen.position], receive, seen
        last[seen.position] = receive


def _given_back(acts: list[Settlement], first: Receive, second: Receive) -> bool:
    return any(act.function in _GIVEN_BACK and _may_count(act, first, second) for act in acts)


def _left(history: History, of: GroupOf, first: Receive, second: Receive) -> bool:
    return any(
        act.function is Function.CLOSE
        and act.client in (first.client, second.client)
        and _may_count(act, first, second)
        for act in history.memberships.get(of, ())
    )


def _may_count(act: Settlement | Membership, first: Receive, second: Receive) -> bool:
    """Whether an act may have taken effect between the two being handed out."""
    if act.outcome is Outcome.FAIL or act.invoked > second.returned:
        return False
    return act.outcome is not Outcome.OK or act.returned >= min(first.invoked, second.invoked)


def _renewed(acts: list[Settlement], first: Receive, second: Receive, lease: int) -> int:
    """When the lease was last started for certain: the latest extension that came in good time."""
    start = first.invoked
    for act in acts:
        in_time = act.returned != NEVER and act.returned < min(start + lease, second.invoked)
        if act.function is Function.EXTEND and act.outcome is Outcome.OK and in_time:
            start = max(start, act.invoked)
    return start

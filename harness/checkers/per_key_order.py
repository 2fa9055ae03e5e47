"""Messages of one key out of order, in the log or in their first delivery.

Two acknowledged publishes of one writer, one key and one destination, of which the earlier had
*returned* ``ok`` before the later was invoked, stand in one partition of the log the other way
round; or were first delivered to a group the other way round. Messages without a key form one
order of their own, which a partitioned backend keeps within each partition.

Not out of order: publishes that overlap; a publish that ended ``info``, which may be applied at
any later time; messages in different partitions, which nothing compares; an id published more than
once; a redelivery, even out of order. A first delivery is judged

- if one client at a time consumed for the group, one receive after the other (with several at once
  there is no one order, unless the scenario knows better: ``PerKeyOrder(several_consumers=True)``);
- unless it is attempt 2 or more: an earlier hand-over was lost, with the answer to it;
- unless the group has lost an answer (a receive ended ``info`` or never) and a node crashed or
  another was promoted (``node-crash``, ``promotion``), which may have forgotten the attempts.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import GroupOf, Publish, Receive
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.outcome import Outcome

_Place = tuple[int, int, int]
"""A partition, and a place in its order: of the log, or of the deliveries."""

_REDELIVERED = 2


@dataclass(frozen=True, slots=True)
class PerKeyOrder:
    """Finds messages of one writer and key that overtook one another.

    ``deliveries`` False judges the log alone, for a backend whose groups keep no order.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.PER_KEY_ORDER
    deliveries: bool = True
    several_consumers: bool = False

    def __call__(self, history: History) -> list[Anomaly]:
        found = Gathering(self.guarantee)
        chains = _chains(history)
        for destination, of_destination in chains.items():
            places = _log_places(history, destination, of_destination)
            self._compare(of_destination, places, found, destination)
            for of, receives in history.receives.items() if self.deliveries else ():
                if of[0] == destination and (self.several_consumers or _one_at_a_time(receives)):
                    first = _first_deliveries(history, of)
                    self._compare(of_destination, first, found, destination, group=of[1])
        return found.anomalies()

    def _compare(
        self,
        chains: Sequence[Sequence[Publish]],
        places: Mapping[str, _Place],
        found: Gathering,
        destination: str,
        *,
        group: str = "",
    ) -> None:
        how = "first delivered" if group else "stored"
        for chain in chains:
            for earlier, later in _overtaken(chain, places):
                found.add(
                    earlier.message,
                    f"{how} after messages of the same writer and key that were published later",
                    ops=(earlier.op, later.op),
                    at=earlier.invoked,
                    destination=destination,
                    group=group,
                )


def _chains(history: History) -> dict[str, list[list[Publish]]]:
    """For each destination, the comparable publishes of each writer and key, by invoke time."""
    chains: defaultdict[tuple[str, str, str], list[Publish]] = defaultdict(list)
    for publish in history.publishes:
        if (
            publish.outcome is Outcome.OK
            and not publish.deduplicated
            and len(history.sent[publish.message]) == 1
        ):
            chains[publish.destination, publish.client, publish.key].append(publish)
    by_destination: defaultdict[str, list[list[Publish]]] = defaultdict(list)
    for (destination, _, _), chain in chains.items():
        if len(chain) > 1:
            by_destination[destination].append(chain)
    return by_destination


def _log_places(
    history: History, destination: str, chains: Sequence[Sequence[Publish]]
) -> Mapping[str, _Place]:
    """Where the log holds each message; by the receipts where the log was not read."""
    log = history.logs.get(destination)
    if log is not None:
        # Backwards, so that the first of several copies is the one that stays.
        return {seen.message: seen.position for seen in reversed(log.seen)}
    return {
        publish.message: publish.position
        for publish in itertools.chain.from_iterable(chains)
        if publish.position is not None
    }


def _one_at_a_time(receives: Sequence[Receive]) -> bool:
    """Whether no receive overlaps another, and no client's time in the group another client's.

    A client that is there may hold a message in a buffer of its library's while another is handed
    the next one; after its last receive nothing of it is ever seen.
    """
    by_invoke = sorted(receives, key=_invoked)
    if any(after.invoked < before.returned for before, after in itertools.pairwise(by_invoke)):
        return False
    turns = [client for client, _ in itertools.groupby(receive.client for receive in by_invoke)]
    return len(turns) == len(set(turns))


def _first_deliveries(history: History, of: GroupOf) -> dict[str, _Place]:
    until = _trusted_until(history, of)
    places: dict[str, _Place] = {}
    redelivered = set()
    for number, (receive, seen) in enumerate(history.deliveries(of)):
        if until is not None and receive.returned >= until:
            break
        if seen.message not in places and seen.message not in redelivered:
            if seen.attempt >= _REDELIVERED:
                redelivered.add(seen.message)
            else:
                places[seen.message] = (seen.position.partition, number, 0)
    return places


def _trusted_until(history: History, of: GroupOf) -> int | None:
    """When the broker may first have handed over something that was lost, and then forgotten that."""
    if not (history.observed("node-crash") or history.observed("promotion")):
        return None
    lost = (Outcome.INFO, None)
    return min((receive.invoked for receive in history.receives[of] if receive.outcome in lost), default=None)


def _overtaken(chain: Sequence[Publish], places: Mapping[str, _Place]) -> Iterator[tuple[Publish, Publish]]:
    """Each publish that stands after one that began when it had returned, with the first-placed such.

    ``chain`` is by invoke time. One sweep from the back, which keeps the lowest place, partition by
    partition, of whatever was invoked later.
    """
    lowest: dict[int, tuple[_Place, Publish]] = {}
    remaining = len(chain)
    for earlier in sorted(chain, key=_returned, reverse=True):
        while remaining and chain[remaining - 1].invoked > earlier.returned:
            remaining -= 1
            later = chain[remaining]
            place = places.get(later.message)
            if place is not None and (place[0] not in lowest or place < lowest[place[0]][0]):
                lowest[place[0]] = place, later
        here = places.get(earlier.message)
        if here is not None and here[0] in lowest and lowest[here[0]][0] < here:
            yield earlier, lowest[here[0]][1]


def _invoked(receive: Receive) -> int:
    return receive.invoked


def _returned(publish: Publish) -> int:
    return publish.returned

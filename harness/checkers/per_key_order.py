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
import operator
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import Gathering
from harness.history.facts import GroupOf, Publish, Receive
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.message import Position
from harness.model.outcome import Outcome

_OK = Outcome.OK
"""Looked up once: ``Outcome.OK`` costs as much as all else that is asked of a publish."""

_Place = tuple[int, int, int]
"""A partition, and a place in its order: of the log, or of the deliveries."""


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
        for destination, chains in _chains(history).items():
            moved = _moved(history, destination)
            stored = [[moved.get(publish.message, publish.position) for publish in chain] for chain in chains]
            for chain, places in zip(chains, stored, strict=True):
                _compare(chain, places, found, destination)
            for of, receives in history.receives.items() if self.deliveries else ():
                if of[0] != destination or not (self.several_consumers or _one_at_a_time(receives)):
                    continue
                handed = _first_handed(history, of)
                if _in_order_by_partition(handed):
                    continue  # It follows the log, which has been compared.
                ranks = {place: (place[0], number, 0) for number, place in enumerate(handed)}
                for chain, places in zip(chains, stored, strict=True):
                    ranked = [None if place is None else ranks.get(place) for place in places]
                    _compare(chain, ranked, found, destination, of[1])
        return found.anomalies()


def _chains(history: History) -> dict[str, list[list[Publish]]]:
    """For each destination, the comparable publishes of each writer and key, by invoke time."""
    chains: defaultdict[tuple[str, str, str], list[Publish]] = defaultdict(list)
    for publish in history.publishes:
        if publish.outcome is _OK and not publish.deduplicated:
            chains[publish.destination, publish.client, publish.key].append(publish)
    by_destination: defaultdict[str, list[list[Publish]]] = defaultdict(list)
    for (destination, _, _), chain in chains.items():
        once = _published_once(history, chain)
        if len(once) > 1:
            by_destination[destination].append(once)
    return by_destination


def _published_once(history: History, chain: list[Publish]) -> list[Publish]:
    if len(history.sent) == len(history.publishes):
        return chain
    return [publish for publish in chain if len(history.sent[publish.message]) == 1]


def _moved(history: History, destination: str) -> dict[str, Position]:
    """Where the log holds the messages that are not, or not only, where their receipts say."""
    log = history.logs.get(destination)
    if log is None:
        return {}
    suspects = {sighting.seen.message for sighting in history.unconfirmed if sighting.op is log}
    moved: dict[str, Position] = {}
    for seen in log.seen if suspects else ():
        if seen.message in suspects:
            # The first of several copies counts.
            moved.setdefault(seen.message, seen.position)
    return moved


def _compare(
    chain: Sequence[Publish],
    places: Sequence[_Place | None],
    found: Gathering,
    destination: str,
    group: str = "",
) -> None:
    if _ascending(places):
        return
    how = "first delivered" if group else "stored"
    for earlier, later in _overtaken(chain, places):
        found.add(
            earlier.message,
            f"{how} after messages of the same writer and key that were published later",
            ops=(earlier.op, later.op),
            at=earlier.invoked,
            destination=destination,
            group=group,
        )


def _ascending(places: Sequence[_Place | None]) -> bool:
    """Whether they are in order as they stand, as nearly always: then there is nothing to sweep for."""
    known = [place for place in places if place is not None]
    return all(map(operator.lt, known, known[1:]))


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


def _first_handed(history: History, of: GroupOf) -> list[_Place]:
    """The log positions in the order of their first deliveries, without those that prove nothing."""
    handed, until = history.handed(of), _trusted_until(history, of)
    if until is None and not handed.missed:
        return list(handed.first)
    return [
        position
        for position, receive in handed.first.items()
        if position not in handed.missed and (until is None or receive.returned < until)
    ]


def _in_order_by_partition(places: Sequence[_Place]) -> bool:
    partitions = {place[0] for place in places}
    return all(
        _ascending(places if len(partitions) == 1 else [place for place in places if place[0] == partition])
        for partition in partitions
    )


def _trusted_until(history: History, of: GroupOf) -> int | None:
    """When the broker may first have handed over something that was lost, and then forgotten that."""
    if not (history.observed("node-crash") or history.observed("promotion")):
        return None
    lost = (Outcome.INFO, None)
    return min((receive.invoked for receive in history.receives[of] if receive.outcome in lost), default=None)


def _overtaken(
    chain: Sequence[Publish], places: Sequence[_Place | None]
) -> Iterator[tuple[Publish, Publish]]:
    """Each publish that stands after one that began when it had returned, with the first-placed such.

    ``chain`` is by invoke time. One sweep from the back, which keeps the lowest place, partition by
    partition, of whatever was invoked later.
    """
    lowest: dict[int, tuple[_Place, Publish]] = {}
    remaining = len(chain)
    for index in sorted(range(len(chain)), key=lambda index: chain[index].returned, reverse=True):
        earlier, here = chain[index], places[index]
        while remaining and chain[remaining - 1].invoked > earlier.returned:
            remaining -= 1
            place = places[remaining]
            if place is not None and (place[0] not in lowest or place < lowest[place[0]][0]):
                lowest[place[0]] = place, chain[remaining]
        if here is not None and here[0] in lowest and lowest[here[0]][0] < here:
            yield earlier, lowest[here[0]][1]


def _invoked(receive: Receive) -> int:
    return receive.invoked

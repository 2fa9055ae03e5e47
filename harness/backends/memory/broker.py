"""The reference broker: the contract's semantics as a state machine without clock, loop or thread.

Every call takes ``now`` in seconds, never smaller than before; what became due meanwhile happens
first. The cluster decides whether a request gets here at all: this is the state that a majority
agrees on. Nothing in it is lost by a kill or an election, so ``crashed``, ``restarted`` and
``promoted`` do nothing; they, and every method with a leading underscore, are one decision each, so
that a broken broker is this one with a single method replaced.

Where brokers differ, this one answers: a late or second acknowledgement or rejection is accepted
and harmless; a late nak or extension is refused (``LeaseLost``); what came back is handed out
before what is new; closing a subscription leaves its leases to run out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain, count, islice
from math import inf
from typing import TYPE_CHECKING

from harness.backends.memory.errors import (
    DestinationExists,
    LeaseLost,
    MessageTooLarge,
    UnknownDestination,
    UnknownGroup,
)
from harness.backends.memory.state import Entry, Group, Handle, Topic
from harness.model.consumer import AckPolicy, Backlog, ConsumerConfig, Start
from harness.model.message import Delivery, Message, Position, Receipt, Stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model.destination import Destination

PAYLOAD_LIMIT = 1024 * 1024
"""The largest payload in bytes."""

_LOOK_AHEAD = 1000
"""How many new messages are looked at for one whose key nobody else holds."""


class Broker:
    """One broker's whole state."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self._alarms: list[tuple[float, int, Callable[[float], None]]] = []
        self._serial = count()

    # What clients ask.

    def create(self, destination: Destination) -> None:
        """Create the destination and its dead letter; the same one again changes nothing."""
        if destination.dead_letter is not None:
            self.create(destination.dead_letter)
        topic = self.topics.setdefault(destination.name, Topic(destination))
        if topic.destination != destination:
            raise DestinationExists(destination.name)

    def publish(self, now: float, destination: str, message: Message) -> Receipt:
        """Store the message, unless its deduplication key is known, and say where it is."""
        self.advance(now)
        topic = self._topic(destination)
        if len(message.payload) > PAYLOAD_LIMIT:
            raise MessageTooLarge(message.id, len(message.payload), PAYLOAD_LIMIT)
        known = self._known(now, topic, message)
        if known is not None:
            return Receipt(known, deduplicated=True)
        stored = self._store(now, topic, message)
        if message.deduplication_key:
            until = now + topic.destination.deduplication_window
            topic.known[message.deduplication_key] = (until, stored.position)
        return Receipt(stored.position)

    def subscribe(self, destination: str, config: ConsumerConfig) -> None:
        """Create the group unless it is there; its first settings stay."""
        topic = self._topic(destination)
        if config.group not in topic.groups:
            group = topic.groups[config.group] = Group(config.group, config)
            for stored in topic.log if config.start is Start.EARLIEST else ():
                group.add(stored)

    def receive(
        self, now: float, destination: str, group: str, member: str, limit: int
    ) -> Sequence[Delivery]:
        """Hand up to ``limit`` messages to ``member``; what came back goes before what is new."""
        self.advance(now)
        topic, mine = self._find(destination, group)
        entries = self._pick(mine, member, limit)
        return self._batch([self._hand_over(now, topic, mine, entry, member) for entry in entries])

    def ack(self, now: float, handle: Handle) -> None:
        """Settle the message for the group; with ``AckPolicy.ALL``, what was handed out before it too."""
        self.advance(now)
        _, group = self._find(handle.destination, handle.group)
        for ticket in self._acked_by(group, handle.ticket):
            self._settle(group, ticket)

    def nak(self, now: float, handle: Handle, delay: float) -> None:
        """Hand it out again, ``delay`` seconds from now; dead-letter it after its last attempt."""
        self.advance(now)
        topic, group = self._find(handle.destination, handle.group)
        self._give_back(now, topic, group, self._current(group, handle), delay)

    def reject(self, now: float, handle: Handle) -> None:
        """Dead-letter it now, unless it is settled already."""
        self.advance(now)
        topic, group = self._find(handle.destination, handle.group)
        entry = group.find(handle.ticket)
        if entry is not None:
            self._dead_letter(now, topic, group, entry)

    def extend(self, now: float, handle: Handle) -> None:
        """Start its lease anew."""
        self.advance(now)
        topic, group = self._find(handle.destination, handle.group)
        self._lease(now, topic, group, self._current(group, handle))

    def read_log(self, now: float, destination: str) -> Sequence[Stored]:
        """All that is stored, by position."""
        self.advance(now)
        return sorted(self._topic(destination).log, key=lambda stored: stored.position)

    def backlog(self, now: float, destination: str, group: str) -> Backlog:
        """The group's true figures; the settled position only where there is one partition."""
        self.advance(now)
        topic, mine = self._find(destination, group)
        pending = len(mine.held) + len(mine.resting) + len(mine.ready)
        return Backlog(len(mine.fresh), pending, self._settled_position(topic, mine))

    # What time and the cluster do.

    @property
    def due(self) -> float:
        """When something happens by itself next."""
        return self._alarms[0][0] if self._alarms else inf

    def advance(self, now: float) -> bool:
        """Let happen what is due by ``now``; tell whether anything was."""
        happened = False
        while self._alarms and self._alarms[0][0] <= now:
            _, _, act = heapq.heappop(self._alarms)
            act(now)
            happened = True
        return happened

    def crashed(self, now: float, led: Iterable[str]) -> None:
        """A node was killed that led these destinations: nothing is lost."""

    def restarted(self, now: float, held: Iterable[str]) -> None:
        """A node runs again that holds replicas of these destinations: its log is all there."""

    def promoted(self, now: float, destination: str) -> None:
        """Another node leads the destination: it has everything."""

    def without_majority(self, destination: str, message: Message) -> Receipt | None:
        """What a leader answers a publish when it has lost its majority: nothing."""

    # The log.

    def _store(self, now: float, topic: Topic, message: Message) -> Stored:  # noqa: ARG002 - for broken ones
        stored = self._place(topic, message)
        self._append(topic, stored)
        return stored

    def _place(self, topic: Topic, message: Message) -> Stored:
        partition = self._partition(topic, message)
        topic.ends[partition] += 1
        return Stored(Position(partition, topic.ends[partition]), message)

    def _partition(self, topic: Topic, message: Message) -> int:
        if not message.key:
            return sum(topic.ends) % len(topic.ends)
        # Not hash(): it differs from one process to the next, and a seed must replay.
        return sum(message.key) % len(topic.ends)

    def _append(self, topic: Topic, stored: Stored) -> None:
        topic.log.append(stored)
        for group in topic.groups.values():
            self._offer(group, stored)

    def _offer(self, group: Group, stored: Stored) -> None:
        group.add(stored)

    def _known(self, now: float, topic: Topic, message: Message) -> Position | None:
        until, position = topic.known.get(message.deduplication_key, (-inf, None))
        return position if now < until else None

    # Handing out.

    def _pick(self, group: Group, member: str, limit: int) -> list[Entry]:
        room = min(limit, group.config.in_flight - len(group.held))
        holders = group.holders()
        picked: list[Entry] = []
        again = [entry for _, entry in sorted(group.ready.items())]
        for entry in chain(again, islice(group.fresh.values(), _LOOK_AHEAD)):
            if len(picked) >= room:
                break
            key = entry.stored.message.key
            # Another member would otherwise show a later message of the key before this one.
            if not key or holders.setdefault(key, member) == member:
                picked.append(entry)
        return picked

    def _hand_over(self, now: float, topic: Topic, group: Group, entry: Entry, member: str) -> Delivery:
        entry.attempts += 1
        entry.member = member
        if group.config.ack_policy is AckPolicy.NONE:
            self._settle(group, entry.ticket)
        else:
            self._lease(now, topic, group, entry)
        return self._delivery(topic, group, entry)

    def _delivery(self, topic: Topic, group: Group, entry: Entry) -> Delivery:
        name = topic.destination.name
        handle = Handle(name, group.name, entry.ticket, entry.attempts)
        return Delivery(entry.stored.message, entry.stored.position, name, entry.attempts, handle)

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        return deliveries

    def _lease(self, now: float, topic: Topic, group: Group, entry: Entry) -> None:
        self._put(group.held, group, entry, now + self._lease_length(group))
        self._at(entry.due, partial(self._lease_over, topic, group, entry, entry.due))

    def _lease_length(self, group: Group) -> float:
        return group.config.lease

    def _lease_over(self, topic: Topic, group: Group, entry: Entry, due: float, now: float) -> None:
        # Settled, extended or handed out again since: this was the end of an earlier lease.
        if group.held.get(entry.ticket) is entry and entry.due == due:
            self._give_back(now, topic, group, entry, 0.0)

    # Coming back, and being done.

    def _give_back(self, now: float, topic: Topic, group: Group, entry: Entry, delay: float) -> None:
        if self._exhausted(group, entry):
            self._dead_letter(now, topic, group, entry)
        elif delay <= 0:
            self._put(group.ready, group, entry, inf)
        else:
            self._put(group.resting, group, entry, now + delay)
            self._at(entry.due, partial(self._rested, group, entry))

    def _rested(self, group: Group, entry: Entry, now: float) -> None:  # noqa: ARG002 - an alarm's signature
        if group.resting.get(entry.ticket) is entry:
            self._put(group.ready, group, entry, inf)

    def _exhausted(self, group: Group, entry: Entry) -> bool:
        return group.config.max_deliver is not None and entry.attempts >= group.config.max_deliver

    def _dead_letter(self, now: float, topic: Topic, group: Group, entry: Entry) -> None:
        self._settle(group, entry.ticket)
        if topic.destination.dead_letter is not None:
            self._store(now, self._topic(topic.destination.dead_letter.name), entry.stored.message)

    def _acked_by(self, group: Group, ticket: int) -> list[int]:
        if group.config.ack_policy is not AckPolicy.ALL:
            return [ticket]
        return [entry.ticket for entry in group.unsettled() if entry.attempts and entry.ticket <= ticket]

    def _settle(self, group: Group, ticket: int) -> None:
        group.take(ticket)
        group.settled_any = True

    # Small change.

    def _topic(self, name: str) -> Topic:
        if name not in self.topics:
            raise UnknownDestination(name)
        return self.topics[name]

    def _find(self, destination: str, group: str) -> tuple[Topic, Group]:
        topic = self._topic(destination)
        if group not in topic.groups:
            raise UnknownGroup(destination, group)
        return topic, topic.groups[group]

    def _current(self, group: Group, handle: Handle) -> Entry:
        entry = group.held.get(handle.ticket)
        if entry is None or entry.attempts != handle.attempt:
            raise LeaseLost(handle.destination, handle.group, handle.attempt)
        return entry

    def _settled_position(self, topic: Topic, group: Group) -> int | None:
        if len(topic.ends) > 1 or not group.settled_any:
            return None
        first = min((entry.stored.position.major for entry in group.unsettled()), default=topic.ends[0] + 1)
        return first - 1 or None

    def _put(self, place: dict[int, Entry], group: Group, entry: Entry, due: float) -> None:
        group.take(entry.ticket)
        entry.due = due
        place[entry.ticket] = entry

    def _at(self, due: float, act: Callable[[float], None]) -> None:
        heapq.heappush(self._alarms, (due, next(self._serial), act))

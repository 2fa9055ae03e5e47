"""A history indexed once, in the shapes checkers ask for.

``History(records)`` reads the records (any iterable, in the order of time) in one pass and keeps
compact facts (``harness.history.facts``) rather than records. The literal shapes::

    history.publishes                 # every publish op, by invoke time
    [Publish(op=4, client="p1", destination="orders", message="p1-7", key="k3", digest="9f..",
             invoked=81, returned=93, outcome=Outcome.OK, position=(0, 7, 0), deduplicated=False)]

    history.sent["p1-7"]              # the publish ops of one message id; no entry for a phantom
    (Publish(op=4, ...),)

    history.receives["orders", "billing"]     # by return time; the empty and the failed ones too
    [Receive(op=9, client="c1", invoked=95, returned=99, outcome=Outcome.OK,
             seen=(Seen("p1-7", (0, 7, 0), attempt=1, digest="9f..", key="k3", destination="orders"),))]

    history.settlements["orders", "billing"]  # acks, naks, rejects, extensions, by invoke time
    [Settlement(op=11, function=Function.ACK, client="c1", message="p1-7", position=(0, 7, 0),
                invoked=100, returned=104, outcome=Outcome.OK)]

    history.memberships["orders", "billing"]  # joining (subscribe) and leaving (close), likewise
    [Membership(op=2, function=Function.SUBSCRIBE, client="c1", invoked=70, returned=75, ...)]

    history.logs["orders"]            # the last read of the log that ended ok
    LogRead(op=20, client="observer", invoked=200, returned=210, outcome=Outcome.OK, seen=(Seen(...), ...))

    history.unconfirmed               # what came out and no receipt confirms as it is: the suspects
    [Sighting(destination="orders", group="billing", op=Receive(...), seen=Seen(...))]

    history.handed(("orders", "billing"))     # first and repeated deliveries, by position
    Handed(first={(0, 7, 0): Receive(...)}, again=[(Receive(...), Seen(...))], missed=frozenset())

    history.headers, history.faults, history.phases, history.observations    # the records themselves

An op of which only the ``invoke`` is there (its process died) has ``outcome`` None and
``returned`` ``NEVER``; a checker treats it as ``info``. Positions are ``model.message.Position``.

Observations that say something to the checkers, by name: ``log-read`` (``destination``'s log
was read whole, after healing), ``drained`` (``group`` of ``destination`` read up to every
marker), ``dead-letter`` (``destination`` dead-letters to the destination named in ``detail``),
``outside-writer`` (somebody unrecorded, such as a service under test, publishes to
``destination``), ``starved`` (the machine).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from harness.history.facts import GroupOf, Handed, LogRead, Publish, Receive, Settlement, Sighting
from harness.history.pairing import Pairing
from harness.history.records import FaultRecord, Header, Observation, Op, PhaseRecord, Record, Seen
from harness.model.message import Position


class History:
    """The facts of one case; see the module's docstring for their shapes.

    Raises ``UnreadableHistory`` for an op that ends without having begun.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.headers: list[Header] = []
        self.phases: list[PhaseRecord] = []
        self.faults: list[FaultRecord] = []
        self.observations: list[Observation] = []
        ops = Pairing()
        with collector_paused():
            self.records = self._file(records, ops)
        self.publishes = ops.publishes
        self.receives = dict(ops.receives)
        self.settlements = dict(ops.settlements)
        self.memberships = dict(ops.memberships)
        self.logs = ops.logs
        self.sent = ops.sent
        self._handed: dict[GroupOf, Handed] = {}

    def _file(self, records: Iterable[Record], ops: Pairing) -> int:
        place: dict[type, Callable[[Any], None]] = {
            Op: ops.add,
            Header: self.headers.append,
            PhaseRecord: self.phases.append,
            FaultRecord: self.faults.append,
            Observation: self.observations.append,
        }
        number = 0
        for number, record in enumerate(records, 1):  # noqa: B007 - the last number is the count
            place[type(record)](record)
        ops.finish()
        return number

    def observed(self, name: str, destination: str = "", group: str = "") -> list[Observation]:
        """The observations of that name, and of that destination and group where they are given."""
        return [
            seen
            for seen in self.observations
            if seen.name == name
            and (not destination or seen.destination == destination)
            and (not group or seen.group == group)
        ]

    def whole_log(self, destination: str) -> LogRead | None:
        """The log of a destination if an observation vouches that it was read whole, after healing."""
        return self.logs.get(destination) if self.observed("log-read", destination) else None

    def dead_letter(self, destination: str) -> str:
        """Where ``destination`` dead-letters to; empty if nowhere."""
        found = self.observed("dead-letter", destination)
        return found[-1].detail if found else ""

    def written_from_outside(self) -> frozenset[str]:
        """The destinations to which somebody publishes whose publishes are not recorded."""
        return frozenset(seen.destination for seen in self.observed("outside-writer"))

    def sightings(self) -> Iterator[tuple[str, str, Receive | LogRead]]:
        """Whatever came out: destination, group (empty for a read of the log), and the op."""
        for (destination, group), receives in self.receives.items():
            for receive in receives:
                yield destination, group, receive
        for destination, log in self.logs.items():
            yield destination, "", log

    @cached_property
    def unconfirmed(self) -> list[Sighting]:
        """The messages that came out and that no receipt confirms as they are.

        One is confirmed if its id was published once, that publish ended ``ok``, and destination,
        position, key and digest are what was sent and what the receipt said. A confirmed message is
        neither phantom nor failed, altered, misrouted, doubled or in somebody else's place, which
        six checkers need not find out for each of a million deliveries.
        """
        found = []
        sent = self.sent
        for destination, group, op in self.sightings():
            for seen in op.seen:
                message, position, _, digest, key, name = seen
                publishes = sent.get(message)
                if (
                    publishes is not None
                    and (publish := publishes[0]).position == position
                    and publish.digest == digest
                    and publish.key == key
                    and publish.destination == destination == name
                    and len(publishes) == 1
                    and not publish.deduplicated
                ):
                    continue
                found.append(Sighting(destination, group, op, seen))
        return found

    def handed(self, of: GroupOf) -> Handed:
        """What a group was handed, by position; worked out once."""
        if of not in self._handed:
            self._handed[of] = _handed(self.receives.get(of, ()))
        return self._handed[of]

    def deliveries(self, of: GroupOf) -> Iterator[tuple[Receive, Seen]]:
        """Every delivery to a group in the order in which it was returned."""
        return ((receive, seen) for receive in self.receives.get(of, ()) for seen in receive.seen)

    def work(self) -> Iterator[Publish | Receive | Settlement]:
        """Every op by which a client worked, rather than set things up or looked at them."""
        yield from self.publishes
        for receives in self.receives.values():
            yield from receives
        for settlements in self.settlements.values():
            yield from settlements


def _handed(receives: Sequence[Receive]) -> Handed:
    first: dict[Position, Receive] = {}
    again: list[tuple[Receive, Seen]] = []
    missed = set()
    for receive in receives:
        for seen in receive.seen:
            position = seen.position
            if position in first:
                again.append((receive, seen))
                continue
            first[position] = receive
            if seen.attempt > 1:
                missed.add(position)
    return Handed(first, again, frozenset(missed))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cyclic garbage collector off while a million small objects are made.

    It would walk all of them again and again, for seconds, and find nothing: facts have no cycles.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

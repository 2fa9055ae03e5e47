"""A history written by hand, to try a checker on: each call is one op, one after the other.

::

    script = Script()
    script.publish("p1-1", key="k")             # acknowledged, stored at position (0, 1)
    script.publish("p1-2", outcome=Outcome.INFO)
    script.receive("p1-1")                      # as it is stored
    script.ack("p1-1")
    script.read_log("p1-1")                     # the whole log, vouched for by an observation
    assert NoLostMessages()(script.history()) == []

Times are small whole numbers: op *n* of a script is invoked at 10n and returns at 10n + 5, unless
``invoked`` and ``returned`` say otherwise. What a message looks like when it comes out is what it
looked like when it was published; ``entry`` makes one that does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from harness.history.records import FaultRecord, FaultStage, Function, Observation, Op, Record, Seen, Stage
from harness.history.view import History
from harness.model.message import Position
from harness.model.outcome import Outcome

DESTINATION = "orders"
GROUP = "billing"
PUBLISHER = "p1"
CONSUMER = "c1"


class When(NamedTuple):
    """When an op was invoked and when it ended; ``None``: at the script's own pace."""

    invoked: int | None = None
    returned: int | None = None


OWN_PACE = When()


class Script:
    """Collects records; ``history()`` is what checkers would be given. Every op returns its id."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._ops = 0
        self._next = 1
        self._stored: dict[tuple[str, str], Seen] = {}

    def history(self) -> History:
        """The history so far."""
        return History(self.ordered())

    def ordered(self) -> list[Record]:
        """The records so far in the order of time."""
        return sorted(self.records, key=lambda record: getattr(record, "time", -1))

    def publish(  # noqa: PLR0913 - what a publish consists of
        self,
        message: str,
        *,
        to: str = DESTINATION,
        at: Position | int | None = None,
        key: str = "",
        writer: str = PUBLISHER,
        outcome: Outcome | None = Outcome.OK,
        deduplicated: bool = False,
        when: When = OWN_PACE,
    ) -> int:
        """Publish; if it is stored, then at ``at``, by default the next position."""
        digest = f"digest of {message}"
        position = self._place(at)
        self._stored[to, message] = Seen(message, position, 1, digest, key, to)
        begin = _op(Function.PUBLISH, writer, to, message=message, key=key, digest=digest)
        if outcome is not Outcome.OK:
            return self._run(begin, outcome, when)
        return self._run(begin, outcome, when, position=position, deduplicated=deduplicated)

    def entry(
        self, message: str, *, of: str = DESTINATION, at: Position | int | None = None, **but: Any
    ) -> Seen:
        """A message as it comes out: as it was published or first came out, but for ``at`` and ``but``."""
        stored = self._stored.get((of, message))
        if stored is None:
            stored = Seen(message, self._place(at), 1, f"digest of {message}", "", of)
            self._stored[of, message] = stored
        elif at is not None:
            stored = stored._replace(position=self._place(at))
        return stored._replace(**but)

    def receive(
        self,
        *messages: str | Seen,
        of: str = DESTINATION,
        group: str = GROUP,
        client: str = CONSUMER,
        outcome: Outcome | None = Outcome.OK,
        when: When = OWN_PACE,
    ) -> int:
        """Receive ``messages`` in one op; without any, an empty receive."""
        begin = _op(Function.RECEIVE, client, of, group=group)
        return self._run(begin, outcome, when, seen=self._entries(of, messages))

    def read_log(
        self, *messages: str | Seen, of: str = DESTINATION, vouched: bool = True, when: When = OWN_PACE
    ) -> int:
        """Read the log, which holds ``messages``; ``vouched`` adds the observation that it was whole."""
        begin = _op(Function.READ_LOG, "observer", of)
        number = self._run(begin, Outcome.OK, when, seen=self._entries(of, messages))
        if vouched:
            self.observe("log-read", of)
        return number

    def ack(self, message: str, **options: Any) -> int:
        """Acknowledge; options as for ``settle``."""
        return self.settle(Function.ACK, message, **options)

    def settle(  # noqa: PLR0913 - what a settlement consists of
        self,
        function: Function,
        message: str,
        *,
        of: str = DESTINATION,
        group: str = GROUP,
        client: str = CONSUMER,
        at: Position | int | None = None,
        outcome: Outcome | None = Outcome.OK,
        when: When = OWN_PACE,
    ) -> int:
        """Ack, nak, reject or extend the delivery of a message."""
        position = self.entry(message, of=of, at=at).position
        begin = _op(function, client, of, group=group, message=message, position=position)
        return self._run(begin, outcome, when)

    def member(
        self, function: Function, *, of: str = DESTINATION, group: str = GROUP, client: str = CONSUMER
    ) -> int:
        """Join (``subscribe``) or leave (``close``) a group."""
        return self._run(_op(function, client, of, group=group), Outcome.OK, OWN_PACE)

    def observe(self, name: str, destination: str = "", group: str = "", *, detail: str = "") -> None:
        """Observe something, right after the last op."""
        time = self._ops * 10 + 6
        seen = Observation(name, time, destination=destination, group=group, detail=detail)
        self.records.append(seen)

    def fault(self, stage: FaultStage, *, number: int = 1, fault: str = "pause", detail: str = "") -> None:
        """A step in the life of a fault, right after the last op."""
        self.records.append(FaultRecord(number, fault, stage, self._ops * 10 + 7, detail=detail))

    def _place(self, at: Position | int | None) -> Position:
        if at is None:
            at = self._next
            self._next += 1
        return at if isinstance(at, Position) else Position(0, at)

    def _entries(self, of: str, messages: tuple[str | Seen, ...]) -> tuple[Seen, ...]:
        return tuple(
            self.entry(message, of=of) if isinstance(message, str) else message for message in messages
        )

    def _run(self, begin: Op, outcome: Outcome | None, when: When, **answer: Any) -> int:
        self._ops += 1
        invoked = self._ops * 10 if when.invoked is None else when.invoked
        begin = msgspec.structs.replace(begin, op=self._ops, time=invoked)
        self.records.append(begin)
        if outcome is not None:
            returned = invoked + 5 if when.returned is None else when.returned
            stage = Stage(outcome)
            self.records.append(msgspec.structs.replace(begin, stage=stage, time=returned, **answer))
        return self._ops


def _op(function: Function, client: str, destination: str, **fields: Any) -> Op:
    return Op(Stage.INVOKE, 0, function, 0, 1, client, destination, **fields)

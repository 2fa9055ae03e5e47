"""Pairs the two records of an op and files the fact they make.

This runs once a record, a million times in a big history: hence the flat tables, the interned
strings and the constants taken out of their enums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from harness.history.facts import Fact, GroupOf, LogRead, Membership, Publish, Receive, Settlement
from harness.history.records import Function, Op, Stage
from harness.model.errors import UnreadableHistory
from harness.model.outcome import Outcome

_INVOKE = Stage.INVOKE
_RECEIVE = Function.RECEIVE
_OK = Outcome.OK
_OUTCOMES = {Stage.OK: Outcome.OK, Stage.FAIL: Outcome.FAIL, Stage.INFO: Outcome.INFO}


class Pairing:
    """Takes ops in the order of time; ``finish`` files those that never ended."""

    def __init__(self) -> None:
        self.publishes: list[Publish] = []
        self.sent: dict[str, tuple[Publish, ...]] = {}
        self.receives: defaultdict[GroupOf, list[Receive]] = defaultdict(list)
        self.settlements: defaultdict[GroupOf, list[Settlement]] = defaultdict(list)
        self.memberships: defaultdict[GroupOf, list[Membership]] = defaultdict(list)
        self.logs: dict[str, LogRead] = {}
        self._open: dict[int, Fact] = {}
        self._receiving: dict[int, list[Receive]] = {}
        self._reading: dict[int, str] = {}
        self._strings: dict[str, str] = {}
        self._begin: dict[Function, Callable[[Op], Fact]] = {
            Function.PUBLISH: self._publish,
            Function.RECEIVE: self._receive,
            Function.READ_LOG: self._read_log,
            Function.SUBSCRIBE: self._membership,
            Function.CLOSE: self._membership,
            Function.ACK: self._settlement,
            Function.NAK: self._settlement,
            Function.REJECT: self._settlement,
            Function.EXTEND: self._settlement,
        }

    def add(self, op: Op) -> None:
        """File one record; raises ``UnreadableHistory`` for an end without a beginning."""
        if op.stage is _INVOKE:
            begin = self._begin.get(op.function)
            if begin is not None:
                self._open[op.op] = begin(op)
            return
        fact = self._open.pop(op.op, None)
        if fact is None:
            if op.function not in self._begin:
                return
            raise UnreadableHistory(
                f"op {op.op}", f"its {op.function} ended ({op.stage}) without having begun"
            )
        fact.returned = op.time
        fact.outcome = _OUTCOMES[op.stage]
        if isinstance(fact, Publish):
            if fact.outcome is _OK:
                fact.position = op.position
                fact.deduplicated = op.deduplicated
        elif isinstance(fact, Receive):
            fact.seen = op.seen
            self._receiving.pop(op.op).append(fact)
        elif isinstance(fact, LogRead):
            self._end_log_read(fact, op)

    def finish(self) -> None:
        """File the receives that never returned: they may have been handed something."""
        for number, receives in self._receiving.items():
            fact = self._open[number]
            assert isinstance(fact, Receive)
            receives.append(fact)

    def _publish(self, op: Op) -> Publish:
        kept = self._strings.setdefault
        fact = Publish(
            op.op,
            kept(op.client, op.client),
            kept(op.destination, op.destination),
            op.message,
            kept(op.key, op.key),
            op.digest,
            op.time,
        )
        self.publishes.append(fact)
        # Nearly every id is published once.
        before = self.sent.get(op.message)
        self.sent[op.message] = (fact,) if before is None else (*before, fact)
        return fact

    def _receive(self, op: Op) -> Receive:
        self._receiving[op.op] = self.receives[op.destination, op.group]
        return Receive(op.op, self._strings.setdefault(op.client, op.client), op.time)

    def _settlement(self, op: Op) -> Settlement:
        client = self._strings.setdefault(op.client, op.client)
        fact = Settlement(op.op, op.function, client, op.message, op.position, op.time)
        self.settlements[op.destination, op.group].append(fact)
        return fact

    def _membership(self, op: Op) -> Membership:
        fact = Membership(op.op, op.function, op.client, op.time)
        self.memberships[op.destination, op.group].append(fact)
        return fact

    def _read_log(self, op: Op) -> LogRead:
        self._reading[op.op] = op.destination
        return LogRead(op.op, op.client, op.time)

    def _end_log_read(self, fact: LogRead, op: Op) -> None:
        destination = self._reading.pop(op.op)
        if fact.outcome is _OK:
            fact.seen = op.seen
            self.logs[destination] = fact

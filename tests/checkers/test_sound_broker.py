"""A broker that keeps every promise is never flagged, whatever its clients go through.

The broker here is a page long and sound by construction: a log per partition, per group what is
held, settled and given back, and a lease. Every op of its clients takes effect at some moment
between its invoke and its end, drawn at random; answers get lost, clients time out, operations
overlap, leases run out under slow clients, and late requests are still applied.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.anomaly import CanAbstain, Checker
from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.lease_honoured import LeaseHonoured
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.no_stored_duplicates import NoStoredDuplicates
from harness.checkers.per_key_order import PerKeyOrder
from harness.checkers.registry import ALWAYS
from harness.history.records import Function, Observation, Op, Record, Seen, Stage
from harness.history.view import History
from harness.model.message import Position
from harness.model.outcome import Outcome

DESTINATION, GROUPS = "orders", ("billing", "audit")
LEASE = 40
"""Nanoseconds, which is steps of the simulation."""
STEPS = 300

CHECKERS: tuple[Checker, ...] = (
    *ALWAYS,
    NoLostMessages(),
    EverythingDelivered(),
    AckedStaysAcked(),
    PerKeyOrder(),
    LeaseHonoured(LEASE * 1e-9),
)


@dataclass
class Group:
    """What one group has been handed: how often, until when it is held, and what is settled."""

    attempts: dict[Position, int] = field(default_factory=dict)
    held_until: dict[Position, int] = field(default_factory=dict)
    settled: set[Position] = field(default_factory=set)


class Broker:
    """Two partitions by key, two groups."""

    def __init__(self) -> None:
        self.log: list[Seen] = []
        self.groups = {name: Group() for name in GROUPS}

    def store(self, op: Op) -> dict[str, Any]:
        """Append, and answer with the position."""
        partition = int(op.key == "k2")
        position = Position(partition, sum(seen.position.partition == partition for seen in self.log))
        self.log.append(Seen(op.message, position, 0, op.digest, op.key, DESTINATION))
        return {"position": position}

    def hand_out(self, op: Op, now: int) -> dict[str, Any]:
        """Up to two messages: those whose lease is over, then the next of the log."""
        group = self.groups[op.group]
        handed = []
        for seen in self.log:
            if seen.position in group.settled or group.held_until.get(seen.position, 0) > now:
                continue
            group.attempts[seen.position] = group.attempts.get(seen.position, 0) + 1
            group.held_until[seen.position] = now + LEASE
            handed.append(seen._replace(attempt=group.attempts[seen.position]))
            if len(handed) == 2:
                break
        return {"seen": tuple(handed)}

    def settle(self, op: Op) -> dict[str, Any]:
        """Settle for the whole group, or give back."""
        group = self.groups[op.group]
        assert op.position is not None
        if op.function is Function.ACK:
            group.settled.add(op.position)
        else:
            group.held_until[op.position] = 0
        return {}


@dataclass
class Client:
    """One op at a time: when it takes effect, when its client hears of it, and whether it does."""

    name: str
    next_op: Callable[[Client], Op]
    op: Op | None = None
    effect: int = 0
    end: int = 0
    outcome: Outcome | None = Outcome.OK
    answer: dict[str, Any] = field(default_factory=dict)
    held: list[Seen] = field(default_factory=list)


class Simulation:
    """Runs clients against the broker, one step a nanosecond, and keeps the records."""

    def __init__(self, broker: Broker, seed: int, consumers: int) -> None:
        self.rng = random.Random(seed)
        self.broker = broker
        self.records: list[Record] = []
        self.now = 1
        self.ops = 0
        self.published = 0
        self.clients = [Client(f"p{number}", self.publish) for number in range(2)]
        for group in GROUPS:
            for number in range(consumers):
                self.clients.append(Client(f"{group}-{number}", self.consumer(group)))

    def op(self, function: Function, client: str, **fields: Any) -> Op:
        """A fresh op."""
        self.ops += 1
        return Op(Stage.INVOKE, self.ops, function, self.now, 1, client, DESTINATION, **fields)

    def publish(self, client: Client) -> Op:
        """A message of one of three keys."""
        self.published += 1
        message = f"{client.name}-{self.published}"
        key = self.rng.choice(["", "k1", "k2"])
        return self.op(Function.PUBLISH, client.name, message=message, key=key, digest=f"of {message}")

    def consumer(self, group: str) -> Callable[[Client], Op]:
        """Settle what is held, or else receive."""

        def next_op(client: Client) -> Op:
            if not client.held:
                return self.op(Function.RECEIVE, client.name, group=group)
            seen = client.held.pop(0)
            function = self.rng.choice([Function.ACK, Function.ACK, Function.NAK])
            about = {"message": seen.message, "position": seen.position}
            return self.op(function, client.name, group=group, **about)

        return next_op

    def end(self, op: Op, stage: Stage, answer: dict[str, Any]) -> None:
        """Record how an op ended."""
        self.records.append(msgspec.structs.replace(op, stage=stage, time=self.now, **answer))

    def begin(self, client: Client) -> None:
        """Invoke; what becomes of it is drawn here. A failed op takes no effect, a lost one may, later."""
        client.op = client.next_op(client)
        client.answer = {}
        self.records.append(client.op)
        weights = {Outcome.OK: 8, Outcome.FAIL: 1, Outcome.INFO: 2, None: 1}
        [client.outcome] = self.rng.choices(list(weights), list(weights.values()))
        client.end = self.now + self.rng.randint(1, 30)
        late = self.rng.choice([0, 0, 60]) if client.outcome in (Outcome.INFO, None) else 0
        client.effect = self.rng.randint(self.now + 1, client.end) + late
        if client.outcome is Outcome.FAIL or (client.outcome is not Outcome.OK and self.rng.random() < 0.3):
            client.effect = -1

    def apply(self, client: Client) -> None:
        """The op takes effect."""
        assert client.op is not None
        if client.op.function is Function.PUBLISH:
            client.answer = self.broker.store(client.op)
        elif client.op.function is Function.RECEIVE:
            client.answer = self.broker.hand_out(client.op, self.now)
        else:
            client.answer = self.broker.settle(client.op)

    def finish(self, client: Client) -> None:
        """The client hears of it, unless it died; what an unknown receive was handed is lost with it."""
        assert client.op is not None
        if client.outcome is not None:
            answer = client.answer if client.outcome is Outcome.OK else {}
            self.end(client.op, Stage(client.outcome), answer)
            client.held += answer.get("seen", ())

    def step(self, *, more: bool) -> None:
        """One nanosecond; with ``more`` idle clients begin new ops."""
        self.now += 1
        self.rng.shuffle(self.clients)
        for client in self.clients:
            if client.op is None and more:
                self.begin(client)
            elif client.op is not None and client.effect == self.now:
                self.apply(client)
            if client.op is not None and self.now == client.end:
                self.finish(client)
            if client.op is not None and self.now >= max(client.end, client.effect):
                client.op = None

    def at_once(self, op: Op, answer: Callable[[Op], dict[str, Any]]) -> dict[str, Any]:
        """An op of ours, which takes effect and returns without trouble."""
        self.records.append(op)
        answered = answer(op)
        self.now += 1
        self.end(op, Stage.OK, answered)
        return answered

    def run(self) -> History:
        """Traffic, then quiet, then every group reads to the end, then the log."""
        for _ in range(STEPS):
            self.step(more=True)
        for _ in range(2 * LEASE + 100):
            self.step(more=False)
        for group in GROUPS:
            self.drain(group)
        log = tuple(sorted(self.broker.log, key=lambda seen: seen.position))
        self.at_once(self.op(Function.READ_LOG, "admin"), lambda _: {"seen": log})
        self.records.append(Observation("log-read", self.now, destination=DESTINATION))
        return History(self.records)

    def drain(self, group: str) -> None:
        """Receive and acknowledge until nothing comes."""
        seen: tuple[Seen, ...] = (Seen("", Position(0, 0), 0, "", "", ""),)
        while seen:
            receive = self.op(Function.RECEIVE, f"{group}-drain", group=group)
            seen = self.at_once(receive, lambda op: self.broker.hand_out(op, self.now))["seen"]
            for each in seen:
                about = {"message": each.message, "position": each.position}
                ack = self.op(Function.ACK, f"{group}-drain", group=group, **about)
                self.at_once(ack, self.broker.settle)
        self.records.append(Observation("drained", self.now, destination=DESTINATION, group=group))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), consumers=st.integers(1, 3))
def test_a_sound_broker_is_never_flagged(seed: int, consumers: int) -> None:
    """No checker finds anything, and none abstains."""
    history = Simulation(Broker(), seed, consumers).run()
    for checker in CHECKERS:
        assert checker(history) == []
        assert not isinstance(checker, CanAbstain) or checker.abstains(history) == []


def test_the_simulation_is_eventful() -> None:
    """It has everything that could be mistaken for an anomaly, or the test above would prove little."""
    histories = [Simulation(Broker(), seed, 2).run() for seed in range(5)]
    outcomes = {publish.outcome for history in histories for publish in history.publishes}
    assert outcomes == {Outcome.OK, Outcome.FAIL, Outcome.INFO, None}
    again = [len(history.handed((DESTINATION, group)).again) for history in histories for group in GROUPS]
    assert sum(again) > 50
    assert any(history.unconfirmed for history in histories)


class Losing(Broker):
    """Acknowledges some messages without keeping them."""

    def store(self, op: Op) -> dict[str, Any]:
        answer = super().store(op)
        if len(self.log) % 5 == 0:
            self.log[-1] = self.log[-1]._replace(message="filler")
        return answer


class StoringTwice(Broker):
    """Appends some messages again."""

    def store(self, op: Op) -> dict[str, Any]:
        if len(self.log) % 5 == 0:
            super().store(op)
        return super().store(op)


class Reordering(Broker):
    """Lets a message overtake the third before it."""

    def store(self, op: Op) -> dict[str, Any]:
        answer = super().store(op)
        if len(self.log) % 5 == 0 and self.log[-4].position.partition == self.log[-1].position.partition:
            one, two = self.log[-4], self.log[-1]
            self.log[-4], self.log[-1] = (
                one._replace(position=two.position),
                two._replace(position=one.position),
            )
            answer = {"position": one.position}
        return answer


class Forgetting(Broker):
    """Confirms some acknowledgements without settling anything."""

    def settle(self, op: Op) -> dict[str, Any]:
        return {} if op.op % 3 == 0 and not op.client.endswith("drain") else super().settle(op)


class Hasty(Broker):
    """Hands out again after a quarter of the lease."""

    def hand_out(self, op: Op, now: int) -> dict[str, Any]:
        answer = super().hand_out(op, now)
        for seen in answer["seen"]:
            self.groups[op.group].held_until[seen.position] = now + LEASE // 4
        return answer


class Skipping(Broker):
    """Settles some messages instead of handing them out."""

    def hand_out(self, op: Op, now: int) -> dict[str, Any]:
        answer = super().hand_out(op, now)
        if op.op % 3 == 0:
            self.groups[op.group].settled.update(seen.position for seen in answer["seen"])
            return {"seen": ()}
        return answer


@pytest.mark.parametrize(
    ("broker", "checker"),
    [
        (Losing, NoLostMessages()),
        (StoringTwice, NoStoredDuplicates()),
        (Reordering, PerKeyOrder()),
        (Forgetting, AckedStaysAcked()),
        (Hasty, LeaseHonoured(LEASE * 1e-9)),
        (Skipping, EverythingDelivered()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_same_broker_with_one_promise_broken_is_flagged(broker: type[Broker], checker: Checker) -> None:
    """Each broken promise is found by the checker that looks after it."""
    assert sum(len(checker(Simulation(broker(), seed, 2).run())) for seed in range(5)) > 0

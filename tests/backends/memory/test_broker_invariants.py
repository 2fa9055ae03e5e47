"""What holds of the broker whatever clients, time and nodes do, in whatever order."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from harness.backends.memory.broker import Broker
from harness.backends.memory.errors import LeaseLost
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.message import Delivery, Message, Position
from tests.mutants.delivering import DropsLastOfBatch
from tests.mutants.settling import HandsOutHeld, RedeliversAfterAck
from tests.mutants.storing import StoresTwice

LEASE = 1.0
LIMIT = 4
ATTEMPTS = 3
WINDOW = 5.0

DEAD = Destination("orders.dead")
ORDERS = Destination("orders", partitions=2, deduplication_window=WINDOW, dead_letter=DEAD)


class BrokerMachine(RuleBasedStateMachine):
    """Drives a broker, and remembers only what its clients were told."""

    kind: ClassVar[type[Broker]] = Broker
    held: Bundle[Delivery] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.broker = self.kind()
        self.now = 0.0
        self.stored: dict[Position, Message] = {}
        self.settled: set[Position] = set()
        self.attempts: dict[Position, int] = {}
        self.handed: dict[Position, float] = {}
        self.by_key: dict[bytes, list[int]] = {}
        self.known: dict[str, tuple[float, Position]] = {}

    @initialize()
    def set_up(self) -> None:
        """One destination of two partitions, with a dead letter, and one group."""
        self.broker.create(ORDERS)
        self.broker.subscribe(
            "orders", ConsumerConfig("g", lease=LEASE, in_flight=LIMIT, max_deliver=ATTEMPTS)
        )

    @rule(keys=st.lists(st.sampled_from([b"", b"a", b"b"]), min_size=1, max_size=8))
    def publish(self, keys: list[bytes]) -> None:
        """Each receipt names a position that nothing had before."""
        for key in keys:
            message = Message(f"p-{len(self.stored)}", key=key)
            receipt = self.broker.publish(self.now, "orders", message)
            assert not receipt.deduplicated
            assert receipt.position not in self.stored
            self.stored[receipt.position] = message

    @rule(once=st.sampled_from(["x", "y"]))
    def publish_once(self, once: str) -> None:
        """Inside the window the receipt names the message stored before, else a new position."""
        message = Message(f"p-{len(self.stored)}", deduplication_key=once)
        receipt = self.broker.publish(self.now, "orders", message)
        since, position = self.known.get(once, (-WINDOW, receipt.position))
        assert receipt.deduplicated == (self.now < since + WINDOW)
        if receipt.deduplicated:
            assert receipt.position == position
        else:
            assert receipt.position not in self.stored
            self.stored[receipt.position] = message
            self.known[once] = self.now, receipt.position

    @rule(target=held, member=st.sampled_from(["m1", "m2"]), limit=st.integers(1, 5))
    def receive(self, member: str, limit: int) -> Any:
        """Each delivery is as stored, due, counted, unsettled and, the first time, in its key's turn."""
        deliveries = self.broker.receive(self.now, "orders", "g", member, limit)
        assert len(deliveries) <= min(limit, LIMIT)
        for delivery in deliveries:
            place = delivery.position
            assert delivery.message == self.stored.get(place)
            assert delivery.destination == "orders"
            assert place not in self.settled
            assert delivery.attempt == self.attempts.get(place, 0) + 1 <= ATTEMPTS
            assert self.handed.get(place, -LEASE) + LEASE <= self.now
            if delivery.attempt == 1 and delivery.message.key:
                before = self.by_key.setdefault(delivery.message.key, [])
                assert not before or before[-1] < place.major
                before.append(place.major)
            self.attempts[place] = delivery.attempt
            self.handed[place] = self.now
        return multiple(*deliveries)

    @rule(delivery=consumes(held))
    def ack(self, delivery: Delivery) -> None:
        """In time, late or twice: it is settled from here on."""
        self.broker.ack(self.now, delivery.handle)
        self.settled.add(delivery.position)

    @rule(delivery=held, delay=st.sampled_from([0.0, 0.5, 3.0]))
    def give_back(self, delivery: Delivery, delay: float) -> None:
        """Who still holds it may; it comes back after the delay, or is dead after its last attempt."""
        try:
            self.broker.nak(self.now, delivery.handle, delay)
        except LeaseLost:
            return
        self.handed[delivery.position] = self.now + delay - LEASE
        if delivery.attempt == ATTEMPTS:
            self.settled.add(delivery.position)

    @rule(delivery=consumes(held))
    def reject(self, delivery: Delivery) -> None:
        """It is settled and dead."""
        self.broker.reject(self.now, delivery.handle)
        self.settled.add(delivery.position)

    @rule(delivery=held)
    def extend(self, delivery: Delivery) -> None:
        """Who still holds it holds it for a whole lease more."""
        try:
            self.broker.extend(self.now, delivery.handle)
        except LeaseLost:
            return
        self.handed[delivery.position] = self.now

    @rule(seconds=st.sampled_from([0.25, 0.5, 1.0, WINDOW]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += seconds

    @rule()
    def fail_over(self) -> None:
        """Nodes come and go; the state does not."""
        self.broker.crashed(self.now, ["orders"])
        self.broker.promoted(self.now, "orders")
        self.broker.restarted(self.now, ["orders", DEAD.name])

    @invariant()
    def the_log_is_what_was_acknowledged(self) -> None:
        """Nothing is missing, nothing is added, in the order of positions."""
        if self.broker.topics:
            log = self.broker.read_log(self.now, "orders")
            assert {stored.position: stored.message for stored in log} == self.stored
            assert [stored.position for stored in log] == sorted(self.stored)

    @invariant()
    def every_message_is_in_one_place(self) -> None:
        """Undelivered, pending, settled or dead-lettered: the figures add up, and each is dead once."""
        if self.broker.topics:
            backlog = self.broker.backlog(self.now, "orders", "g")
            dead = [stored.message.id for stored in self.broker.read_log(self.now, DEAD.name)]
            exhausted = {self.stored[place].id for place, count in self.attempts.items() if count == ATTEMPTS}
            acked = {self.stored[place].id for place in self.settled}
            assert len(dead) == len(set(dead))
            assert set(dead) <= exhausted | acked
            assert backlog.lag == len(self.stored) - len(self.attempts)
            assert backlog.pending == len(self.attempts) - len(acked | set(dead))

    def teardown(self) -> None:
        """Left alone, the group is handed whatever is not settled, and is done after the last attempt."""
        for _ in range(200):
            self.now += 4 * LEASE
            if not self.broker.receive(self.now, "orders", "g", "m9", LIMIT):
                break
        backlog = self.broker.backlog(self.now, "orders", "g")
        assert (backlog.lag, backlog.pending) == (0, 0)


# Without shrinking: what is found in a broken broker on purpose needs no smallest example.
SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    stateful_step_count=40,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_reference_keeps_every_invariant() -> None:
    """Forty seeded plays of forty steps each find nothing."""
    run_state_machine_as_test(BrokerMachine, settings=SETTINGS)


@pytest.mark.parametrize(
    "mutant",
    [StoresTwice, DropsLastOfBatch, HandsOutHeld, RedeliversAfterAck],
    ids=lambda mutant: mutant.__name__,
)
def test_a_broken_broker_is_found_out(mutant: type[Broker]) -> None:
    """The machine is no rubber stamp: the same plays find what is wrong with others."""

    class Machine(BrokerMachine):
        kind = mutant

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Machine, settings=SETTINGS)

"""The state machine, one rule at a time; time is a number."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.backends.memory.broker import PAYLOAD_LIMIT, Broker
from harness.backends.memory.errors import (
    DestinationExists,
    LeaseLost,
    MessageTooLarge,
    UnknownDestination,
    UnknownGroup,
)
from harness.model.consumer import AckPolicy, Backlog, ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.message import Delivery, Message, Position

DEAD = Destination("orders.dead")
ORDERS = Destination("orders", deduplication_window=10.0, dead_letter=DEAD)
BILLING = ConsumerConfig("billing", lease=1.0)


@pytest.fixture
def broker() -> Broker:
    """A broker with one destination and one group."""
    broker = Broker()
    broker.create(ORDERS)
    broker.subscribe("orders", BILLING)
    return broker


def publish(broker: Broker, *ids: str, now: float = 0.0, key: bytes = b"") -> None:
    """Publish a message of each id."""
    for name in ids:
        broker.publish(now, "orders", Message(name, key=key))


def receive(broker: Broker, now: float = 0.0, member: str = "m1", limit: int = 10) -> list[Delivery]:
    """Receive for the billing group."""
    return list(broker.receive(now, "orders", "billing", member, limit))


def ids(deliveries: list[Delivery]) -> list[tuple[str, int | None]]:
    """What was delivered, and in which attempt."""
    return [(delivery.message.id, delivery.attempt) for delivery in deliveries]


def dead(broker: Broker, now: float = 100.0) -> list[str]:
    """What is in the dead letter."""
    return [stored.message.id for stored in broker.read_log(now, DEAD.name)]


def regroup(broker: Broker, **options: object) -> None:
    """Start the billing group over with other settings."""
    del broker.topics["orders"].groups["billing"]
    broker.subscribe("orders", replace(BILLING, **options))  # type: ignore[arg-type]


def test_messages_come_out_as_they_went_in(broker: Broker) -> None:
    """Payload, key and headers are the very ones, under the name they were published to."""
    message = Message("p-1", b"\0\xff", b"k", {"trace": "1"})
    receipt = broker.publish(0.0, "orders", message)
    (delivery,) = receive(broker)
    assert delivery.message == message
    assert (delivery.position, delivery.destination) == (receipt.position, "orders")


def test_positions_count_up_from_one(broker: Broker) -> None:
    """The log holds them in the order of publishing."""
    publish(broker, "a", "b")
    assert [(s.message.id, s.position) for s in broker.read_log(0.0, "orders")] == [
        ("a", Position(0, 1)),
        ("b", Position(0, 2)),
    ]


def test_a_key_always_goes_to_one_partition() -> None:
    """Messages of one key share a partition; without a key they take turns."""
    broker = Broker()
    broker.create(Destination("wide", partitions=3))
    keyed = {broker.publish(0.0, "wide", Message(f"k-{i}", key=b"abc")).position.partition for i in range(6)}
    loose = {broker.publish(0.0, "wide", Message(f"n-{i}")).position.partition for i in range(6)}
    assert len(keyed) == 1
    assert loose == {0, 1, 2}


def test_creating_again_is_harmless_and_otherwise_refused(broker: Broker) -> None:
    """The same destination changes nothing; one of that name with other settings is an error."""
    publish(broker, "a")
    broker.create(ORDERS)
    assert len(broker.read_log(0.0, "orders")) == 1
    with pytest.raises(DestinationExists):
        broker.create(replace(ORDERS, deduplication_window=1.0))


def test_what_does_not_exist_is_named(broker: Broker) -> None:
    """An unknown destination or group is a definite error with its name."""
    with pytest.raises(UnknownDestination, match="'order'"):
        broker.publish(0.0, "order", Message("a"))
    with pytest.raises(UnknownGroup, match="'audit'"):
        broker.receive(0.0, "orders", "audit", "m1", 1)


def test_an_oversized_message_is_refused_and_leaves_nothing(broker: Broker) -> None:
    """The limit itself passes; a byte more does not."""
    broker.publish(0.0, "orders", Message("fits", bytes(PAYLOAD_LIMIT)))
    with pytest.raises(MessageTooLarge, match=f"{PAYLOAD_LIMIT + 1} bytes"):
        broker.publish(0.0, "orders", Message("large", bytes(PAYLOAD_LIMIT + 1)))
    assert ids(receive(broker)) == [("fits", 1)]


def test_a_deduplication_key_holds_inside_its_window_alone(broker: Broker) -> None:
    """Within 10 s the first position is named again; after it the message is stored anew."""
    message = Message("a", deduplication_key="once")
    first = broker.publish(0.0, "orders", message)
    again = broker.publish(9.9, "orders", message)
    after = broker.publish(10.0, "orders", message)
    assert (again.position, again.deduplicated) == (first.position, True)
    assert (after.position, after.deduplicated) == (Position(0, 2), False)


def test_a_new_group_starts_where_it_says(broker: Broker) -> None:
    """At the earliest it gets everything, at new what follows; joining again changes nothing."""
    publish(broker, "old")
    broker.subscribe("orders", ConsumerConfig("all"))
    broker.subscribe("orders", ConsumerConfig("next", start=Start.NEW))
    publish(broker, "new")
    broker.subscribe("orders", ConsumerConfig("next", start=Start.EARLIEST))
    seen = {name: ids(list(broker.receive(0.0, "orders", name, "m", 9))) for name in ("all", "next")}
    assert seen == {"all": [("old", 1), ("new", 1)], "next": [("new", 1)]}


def test_members_of_a_group_share_its_messages(broker: Broker) -> None:
    """Each message goes to one of them; the union is complete."""
    publish(broker, "a", "b", "c", "d")
    assert ids(receive(broker, member="m1", limit=2)) == [("a", 1), ("b", 1)]
    assert ids(receive(broker, member="m2", limit=9)) == [("c", 1), ("d", 1)]


def test_one_member_at_a_time_holds_the_messages_of_a_key(broker: Broker) -> None:
    """Another gets what has another key, and the rest of this one once it is settled."""
    publish(broker, "k1", "k2", key=b"k")
    publish(broker, "j1", key=b"j")
    (first,) = receive(broker, member="m1", limit=1)
    assert ids(receive(broker, member="m2")) == [("j1", 1)]
    broker.ack(0.0, first.handle)
    assert ids(receive(broker, member="m2")) == [("k2", 1)]


def test_a_lease_ends_when_it_says(broker: Broker) -> None:
    """Nothing before one second, the second attempt at it."""
    publish(broker, "a")
    receive(broker, now=5.0)
    assert broker.due == 6.0
    assert receive(broker, now=5.999) == []
    assert ids(receive(broker, now=6.0, member="m2")) == [("a", 2)]


def test_an_extension_starts_the_lease_anew(broker: Broker) -> None:
    """The first end passes without effect."""
    publish(broker, "a")
    (delivery,) = receive(broker, now=0.0)
    broker.extend(0.9, delivery.handle)
    assert receive(broker, now=1.8) == []
    assert ids(receive(broker, now=1.9)) == [("a", 2)]


def test_an_acknowledged_message_never_comes_back(broker: Broker) -> None:
    """Neither after its lease, nor after a crash, a restart or an election."""
    publish(broker, "a")
    (delivery,) = receive(broker)
    broker.ack(0.5, delivery.handle)
    broker.crashed(0.6, ["orders"])
    broker.promoted(0.7, "orders")
    broker.restarted(0.8, ["orders"])
    assert receive(broker, now=9.0) == []
    assert broker.backlog(9.0, "orders", "billing") == Backlog(lag=0, pending=0, position=1)


def test_a_second_and_a_late_acknowledgement_are_harmless(broker: Broker) -> None:
    """The late one settles for whoever holds the message now; the log stays as it is."""
    publish(broker, "a")
    (first,) = receive(broker, now=0.0)
    (second,) = receive(broker, now=1.0, member="m2")
    broker.ack(1.1, first.handle)
    broker.ack(1.2, second.handle)
    assert receive(broker, now=9.0) == []
    assert len(broker.read_log(9.0, "orders")) == 1


def test_a_message_given_back_comes_before_new_ones(broker: Broker) -> None:
    """At once, with the next attempt."""
    publish(broker, "a", "b")
    (delivery,) = receive(broker, limit=1)
    broker.nak(0.1, delivery.handle, 0.0)
    assert ids(receive(broker, now=0.1)) == [("a", 2), ("b", 1)]


def test_a_message_given_back_with_a_delay_rests(broker: Broker) -> None:
    """Not before the delay, on it; the second time too."""
    publish(broker, "a")
    for attempt, now in ((1, 0.0), (2, 3.0)):
        (delivery,) = receive(broker, now=now)
        assert delivery.attempt == attempt
        broker.nak(now, delivery.handle, 3.0)
        assert receive(broker, now=now + 2.99) == []
    assert ids(receive(broker, now=6.0)) == [("a", 3)]


def test_who_lost_a_lease_can_neither_give_back_nor_extend(broker: Broker) -> None:
    """Both are refused after the lease, after a redelivery, and after settling."""
    publish(broker, "a")
    (first,) = receive(broker, now=0.0)
    with pytest.raises(LeaseLost):
        broker.extend(1.0, first.handle)
    (second,) = receive(broker, now=1.0)
    with pytest.raises(LeaseLost, match="attempt 1"):
        broker.nak(1.1, first.handle, 0.0)
    broker.ack(1.2, second.handle)
    with pytest.raises(LeaseLost):
        broker.nak(1.3, second.handle, 0.0)


def test_the_last_attempt_dead_letters_once(broker: Broker) -> None:
    """By giving back or by a lease that ends: it leaves the group, and others go on."""
    regroup(broker, max_deliver=2)
    publish(broker, "nakked", "lapsed", "good")
    for now in (0.0, 1.0):
        nakked, _lapsed, *good = receive(broker, now=now)
        broker.nak(now, nakked.handle, 0.0)
        for delivery in good:
            broker.ack(now, delivery.handle)
    assert dead(broker, now=1.5) == ["nakked"]
    assert receive(broker, now=9.0) == []
    assert dead(broker) == ["nakked", "lapsed"]


def test_each_group_counts_its_own_attempts(broker: Broker) -> None:
    """What one group gave up, another is still handed, from attempt one."""
    regroup(broker, max_deliver=1)
    broker.subscribe("orders", ConsumerConfig("audit"))
    publish(broker, "a")
    (delivery,) = receive(broker)
    broker.nak(0.0, delivery.handle, 0.0)
    assert ids(list(broker.receive(0.0, "orders", "audit", "m", 9))) == [("a", 1)]


def test_a_rejected_message_is_dead_lettered_at_once_and_once(broker: Broker) -> None:
    """A second rejection finds nothing to do."""
    publish(broker, "a")
    (delivery,) = receive(broker)
    broker.reject(0.1, delivery.handle)
    broker.reject(0.2, delivery.handle)
    assert dead(broker) == ["a"]
    assert receive(broker, now=9.0) == []


def test_without_a_dead_letter_a_given_up_message_stays_in_the_log(broker: Broker) -> None:
    """It is settled for the group and moved nowhere."""
    broker.create(Destination("plain"))
    broker.subscribe("plain", ConsumerConfig("g", max_deliver=1))
    broker.publish(0.0, "plain", Message("a"))
    (delivery,) = broker.receive(0.0, "plain", "g", "m", 1)
    broker.nak(0.0, delivery.handle, 0.0)
    assert broker.receive(99.0, "plain", "g", "m", 1) == []
    assert [stored.message.id for stored in broker.read_log(99.0, "plain")] == ["a"]


def test_no_more_is_in_flight_than_the_limit(broker: Broker) -> None:
    """The next comes when one is settled, a message that came back included."""
    regroup(broker, in_flight=2)
    publish(broker, "a", "b", "c")
    first, _ = receive(broker)
    assert receive(broker) == []
    broker.ack(0.0, first.handle)
    assert ids(receive(broker)) == [("c", 1)]
    assert ids(receive(broker, now=1.0)) == [("b", 2), ("c", 2)]


def test_acknowledging_on_delivery_settles_at_once(broker: Broker) -> None:
    """With the policy "none" nothing is pending and nothing comes back."""
    regroup(broker, ack_policy=AckPolicy.NONE)
    publish(broker, "a")
    receive(broker)
    assert broker.backlog(0.0, "orders", "billing") == Backlog(lag=0, pending=0, position=1)
    assert receive(broker, now=99.0) == []


def test_acknowledging_all_settles_what_was_handed_out_before(broker: Broker) -> None:
    """With the policy "all" one acknowledgement covers the earlier ones, and none later."""
    regroup(broker, ack_policy=AckPolicy.ALL)
    publish(broker, "a", "b", "c", "d")
    _, _, third = receive(broker, limit=3)
    broker.ack(0.0, replace(third, handle=third.handle._replace(ticket=2)).handle)
    assert ids(receive(broker, now=1.0)) == [("c", 2), ("d", 1)]


def test_the_backlog_is_true(broker: Broker) -> None:
    """Undelivered, unsettled and the settled floor, at each step."""
    publish(broker, "a", "b", "c")
    assert broker.backlog(0.0, "orders", "billing") == Backlog(lag=3, pending=0)
    first, second = receive(broker, limit=2)
    broker.ack(0.0, second.handle)
    assert broker.backlog(0.0, "orders", "billing") == Backlog(lag=1, pending=1)
    broker.ack(0.0, first.handle)
    assert broker.backlog(0.0, "orders", "billing") == Backlog(lag=1, pending=0, position=2)

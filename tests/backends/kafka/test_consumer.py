"""The subscription on a consumer of the test's own: what is committed, replayed, held back and refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from harness.backends.kafka.consumer import KafkaSubscription
from harness.backends.kafka.errors import ClientClosed
from harness.model.consumer import AckPolicy, ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.message import MESSAGE_ID_HEADER, Delivery, Message

pytestmark = pytest.mark.anyio

DEAD = Destination("t.dead")
ORDERS = Destination("t.orders", dead_letter=DEAD)


class Log:
    """librdkafka's consumer over a log in memory: partitions, one position in each, and what was done."""

    def __init__(self, sizes: dict[int, int]) -> None:
        self.sizes = sizes
        self.positions = dict.fromkeys(sizes, 0)
        self.committed_offsets: dict[int, int] = {}
        self.commits: list[dict[int, int]] = []
        self.paused: set[int] = set()
        self.refuse: KafkaError | None = None
        self.report: KafkaError | None = None
        self.closed = False
        self._pending: list[Callable[[], object]] = []

    def subscribe(self, topics: list[str], on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self._on_assign, self._on_revoke = on_assign, on_revoke
        self.assign_later(*self.sizes)

    def assign_later(self, *partitions: int) -> None:
        places = [TopicPartition(ORDERS.name, partition) for partition in partitions]
        self._pending.append(lambda: self._on_assign(self, places))

    def revoke_later(self, *partitions: int) -> None:
        places = [TopicPartition(ORDERS.name, partition) for partition in partitions]
        self._pending.append(lambda: self._on_revoke(self, places))

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self.positions |= {place.partition: place.offset for place in partitions}

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        known = self.committed_offsets
        return [TopicPartition(ORDERS.name, p.partition, known.get(p.partition, -1001)) for p in partitions]

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, self.sizes[partition.partition]

    def poll(self, timeout: float) -> Record | None:
        while self._pending:
            self._pending.pop(0)()
        if self.report is not None:
            error, self.report = self.report, None
            return Record(topic=ORDERS.name, partition=0, error=error)
        for partition, size in self.sizes.items():
            if partition not in self.paused and self.positions[partition] < size:
                self.positions[partition] += 1
                return self._record(partition, self.positions[partition] - 1)
        time.sleep(min(timeout, 0.005))
        return None

    def consume(self, count: int, timeout: float) -> list[Record]:
        found = (self.poll(0) for _ in range(count))
        return [record for record in found if record is not None]

    def seek(self, place: TopicPartition) -> None:
        self.positions[place.partition] = place.offset

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def commit(self, offsets: list[TopicPartition], *, asynchronous: bool) -> list[TopicPartition]:
        if self.refuse is not None:
            raise KafkaException(self.refuse)
        self.commits.append({place.partition: place.offset for place in offsets})
        self.committed_offsets |= self.commits[-1]
        return [TopicPartition(place.topic, place.partition, place.offset) for place in offsets]

    def close(self) -> None:
        self.closed = True

    def _record(self, partition: int, offset: int) -> Record:
        name = f"m-{partition}-{offset}".encode()
        headers: list[tuple[str, str | bytes | None]] = [(MESSAGE_ID_HEADER, name)]
        return Record(ORDERS.name, partition, offset, b"", b"x", headers)


class Member:
    """A subscription that has joined, its log, and what it dead-lettered."""

    def __init__(self, log: Log, config: ConsumerConfig, destination: Destination = ORDERS) -> None:
        self.log = log
        self.dead: list[str] = []
        self.hear: Any = None
        self.subscription = KafkaSubscription(self._make, destination, config, self._bury)

    def _make(self, statistics: Callable[[str], None]) -> Any:
        self.hear = statistics
        return self.log

    async def _bury(self, destination: Destination, message: Message) -> None:
        assert destination == DEAD
        self.dead.append(message.id)

    async def take(self, count: int) -> list[Delivery]:
        taken: list[Delivery] = []
        while len(taken) < count:
            some = await self.subscription.receive(count - len(taken), 2.0)
            assert some, f"only {len(taken)} of {count} came"
            taken += some
        return taken


@pytest.fixture
async def join(request: pytest.FixtureRequest) -> Any:
    """Return a function that joins a group on a log of the given sizes; all leave at the end."""
    members: list[Member] = []

    async def joined(sizes: dict[int, int], destination: Destination = ORDERS, **options: Any) -> Member:
        member = Member(Log(sizes), ConsumerConfig("billing", **options), destination)
        members.append(member)
        await member.subscription.join()
        return member

    yield joined
    for member in members:
        await member.subscription.close()


def ids(deliveries: Any) -> list[tuple[str, int | None]]:
    """The messages and attempts of deliveries."""
    return [(delivery.message.id, delivery.attempt) for delivery in deliveries]


async def test_an_acknowledgement_in_order_is_committed(join: Any) -> None:
    """The committed offset is the one after the message, and the ack is confirmed."""
    member = await join({0: 2})
    for delivery in await member.take(2):
        assert await member.subscription.ack(delivery)
    assert member.log.commits == [{0: 1}, {0: 2}]


async def test_an_acknowledgement_behind_an_open_message_is_kept_unconfirmed(join: Any) -> None:
    """It commits nothing; the one that closes the gap commits both."""
    member = await join({0: 2})
    first, second = await member.take(2)
    assert not await member.subscription.ack(second)
    assert member.log.commits == []
    assert await member.subscription.ack(first)
    assert member.log.commits == [{0: 2}]


async def test_acknowledgements_that_arrive_together_share_commits(join: Any) -> None:
    """Fifty at once need far fewer commits, over all partitions, and all are confirmed."""
    member = await join({0: 25, 1: 25})
    deliveries = await member.take(50)
    assert all(await asyncio.gather(*(member.subscription.ack(delivery) for delivery in deliveries)))
    assert member.log.committed_offsets == {0: 25, 1: 25}
    assert len(member.log.commits) < 10


async def test_a_refused_commit_is_raised_and_the_next_one_carries_it(join: Any) -> None:
    """The floor stays risen: a later acknowledgement commits what the refused one could not."""
    member = await join({0: 2})
    first, second = await member.take(2)
    member.log.refuse = KafkaError(KafkaError._WAIT_COORD)
    with pytest.raises(KafkaException):
        await member.subscription.ack(first)
    member.log.refuse = None
    await member.subscription.ack(second)
    assert member.log.commits == [{0: 2}]


async def test_a_cumulative_acknowledgement_settles_all_before(join: Any) -> None:
    """With policy ``all`` the last of a batch is enough."""
    member = await join({0: 3}, ack_policy=AckPolicy.ALL)
    deliveries = await member.take(3)
    await member.subscription.ack(deliveries[-1])
    assert member.log.commits == [{0: 3}]


async def test_without_acknowledgements_the_delivery_commits(join: Any) -> None:
    """With policy ``none`` a message is settled when it is handed over."""
    member = await join({0: 3}, ack_policy=AckPolicy.NONE)
    await member.take(3)
    await member.subscription.close()
    assert member.log.committed_offsets == {0: 3}


async def test_a_returned_message_comes_again_before_all_behind_it(join: Any) -> None:
    """What was not handed over yet waits behind it, and what was is not repeated."""
    member = await join({0: 4})
    first, second = await member.take(2)
    await member.subscription.nak(first)
    assert ids(await member.take(3)) == [("m-0-0", 2), ("m-0-2", 1), ("m-0-3", 1)]
    assert not await member.subscription.ack(second)


async def test_a_delayed_return_pauses_its_partition_alone(join: Any) -> None:
    """Nothing of the partition comes before the delay is over; the others go on."""
    member = await join({0: 2, 1: 2})
    deliveries = {delivery.message.id: delivery for delivery in await member.take(4)}
    member.log.sizes[1] = 3
    started = time.monotonic()
    await member.subscription.nak(deliveries["m-0-1"], 0.3)
    await member.subscription.nak(deliveries["m-0-0"])
    assert ids(await member.take(2)) == [("m-0-0", 2), ("m-1-2", 1)]
    assert ids(await member.take(1)) == [("m-0-1", 2)]
    assert time.monotonic() - started >= 0.3


async def test_after_the_last_attempt_a_return_dead_letters(join: Any) -> None:
    """Two attempts, then it lies in the dead letter once, the offset is passed, and nothing comes."""
    member = await join({0: 1}, max_deliver=2)
    for attempt in (1, 2):
        [delivery] = await member.take(1)
        assert delivery.attempt == attempt
        await member.subscription.nak(delivery)
    assert member.dead == ["m-0-0"]
    assert member.log.commits == [{0: 1}]
    assert await member.subscription.receive(1, 0.05) == ()


async def test_a_rejected_message_is_dead_lettered_and_settled(join: Any) -> None:
    """Without a dead letter destination it is settled and gone."""
    member = await join({0: 1})
    assert await member.subscription.reject((await member.take(1))[0])
    assert (member.dead, member.log.commits) == (["m-0-0"], [{0: 1}])
    bare = await join({0: 1}, Destination("t.orders"))
    assert await bare.subscription.reject((await bare.take(1))[0])
    assert (bare.dead, bare.log.commits) == ([], [{0: 1}])


async def test_a_rejection_behind_an_open_message_is_dead_lettered_but_unconfirmed(join: Any) -> None:
    """Its commit waits, like that of any acknowledgement, for the one in front of it."""
    member = await join({0: 2})
    _, second = await member.take(2)
    assert not await member.subscription.reject(second)
    assert (member.dead, member.log.commits) == (["m-0-1"], [])


async def test_no_more_is_handed_out_than_may_be_open(join: Any) -> None:
    """At the limit a receive waits, and the next message comes on an acknowledgement."""
    member = await join({0: 5}, in_flight=2)
    first, _ = await member.take(2)
    assert await member.subscription.receive(5, 0.15) == ()
    await member.subscription.ack(first)
    assert ids(await member.take(1)) == [("m-0-2", 1)]


async def test_a_cancelled_receive_loses_nothing(join: Any) -> None:
    """What the consumer had given it is there for the next one."""
    member = await join({0: 0})
    waiting = asyncio.ensure_future(member.subscription.receive(10, 5.0))
    await asyncio.sleep(0.02)
    waiting.cancel()
    member.log.sizes[0] = 3
    assert ids(await member.take(3)) == [("m-0-0", 1), ("m-0-1", 1), ("m-0-2", 1)]


async def test_a_revoked_partition_takes_its_deliveries_along(join: Any) -> None:
    """Their acknowledgements commit nothing, also when the partition has come back since."""
    member = await join({0: 1, 1: 1})
    deliveries = {delivery.position.partition: delivery for delivery in await member.take(2)}
    member.log.revoke_later(0)
    member.log.assign_later(0)
    await member.subscription.receive(1, 0.05)
    with pytest.raises(KafkaException, match="was revoked") as raised:
        await member.subscription.ack(deliveries[0])
    assert raised.value.args[0].code() == KafkaError._ASSIGNMENT_LOST
    with pytest.raises(KafkaException, match="was revoked"):
        await member.subscription.nak(deliveries[0])
    await member.subscription.ack(deliveries[1])
    assert member.log.commits == [{1: 1}]


async def test_a_new_group_begins_where_the_log_ended_when_it_joined(join: Any) -> None:
    """The beginning is committed at once, so that what is published before a first ack is not skipped."""
    member = await join({0: 3}, start=Start.NEW)
    assert member.log.commits == [{0: 3}]
    member.log.sizes[0] = 4
    assert ids(await member.take(1)) == [("m-0-3", 1)]


async def test_what_the_consumer_reports_is_raised(join: Any) -> None:
    """An error among the records is the receive's, and the next receive goes on."""
    member = await join({0: 0})
    member.log.report = KafkaError(KafkaError._MAX_POLL_EXCEEDED)
    with pytest.raises(KafkaException):
        await member.subscription.receive(1, 1.0)
    member.log.sizes[0] = 1
    assert ids(await member.take(1)) == [("m-0-0", 1)]


async def test_an_empty_receive_under_a_silent_leader_raises(join: Any) -> None:
    """Empty is not gone: the statistics tell them apart."""
    member = await join({0: 0})
    assert await member.subscription.receive(1, 0.02) == ()
    for _ in range(2):
        member.hear(
            '{"brokers":{"a":{"nodeid":1,"state":"DOWN","rxidle":-1,"source":"learned"}},"topics":{}}'
        )
    with pytest.raises(KafkaException, match="no broker is connected") as raised:
        await member.subscription.receive(1, 0.02)
    assert raised.value.args[0].code() == KafkaError._TRANSPORT


async def test_a_closed_subscription_refuses_at_once(join: Any) -> None:
    """Closing twice is fine, using it afterwards is a definite error."""
    member = await join({0: 1})
    [delivery] = await member.take(1)
    await member.subscription.close()
    await member.subscription.close()
    assert member.log.closed
    for use in (member.subscription.receive(1, 1.0), member.subscription.ack(delivery)):
        with pytest.raises(ClientClosed):
            await use


async def test_there_is_no_lease_to_extend(join: Any) -> None:
    """Kafka has sessions of members, not leases of messages."""
    member = await join({0: 1})
    with pytest.raises(BadOption, match="no lease"):
        await member.subscription.extend((await member.take(1))[0])

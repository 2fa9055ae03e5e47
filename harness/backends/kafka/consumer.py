"""Consuming in a group: one member, its partitions' ledgers, and two threads.

The *polling* thread owns everything that moves the consumer: polls in short slices, so that seeks
and pauses get their turn, and the rebalance callbacks, which librdkafka makes from within a poll.
The *committing* thread makes one synchronous commit at a time, of every floor that has risen since
the last: acknowledgements that arrive together share a commit.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from harness.backends.kafka import errors, messages
from harness.backends.kafka.lane import Lane, bounded
from harness.backends.kafka.ledger import Handed, Held, Ledger
from harness.backends.kafka.pulse import Pulse
from harness.model.consumer import AckPolicy, ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import BadOption, DeadlineExceeded
from harness.model.message import Delivery, Message

_SLICE = 0.1
"""Seconds the polling thread stays in one poll."""

_JOIN = 10.0
"""Seconds a new member has to get its first assignment, on top of the session of a dead one."""

DeadLetter = Callable[[Destination, Message], Awaitable[object]]


class KafkaSubscription:
    """One member of a consumer group (``backends.contract.Subscription``).

    What Kafka lacks is emulated, in this member's memory, and holds while it keeps its partition:

    * ``ack`` is confirmed once the committed floor has passed the message. While an earlier one of the
      partition is open it is kept, takes effect with the commit that passes it, and is not confirmed;
    * ``nak`` seeks back, and the partition waits behind the message: with a delay it is paused;
    * after ``max_deliver`` attempts a ``nak`` is a ``reject``, which publishes to the dead letter
      destination and then acknowledges: both happen, or the first alone;
    * ``in_flight`` bounds what this member holds, not what the group holds.
    """

    def __init__(
        self,
        make: Callable[[Callable[[str], None]], Consumer],
        destination: Destination,
        config: ConsumerConfig,
        dead_letter: DeadLetter,
    ) -> None:
        self._make = make
        self._destination = destination
        self._config = config
        self._dead_letter = dead_letter
        self._lock = threading.Lock()
        self._ledgers: dict[int, Ledger] = {}
        self._buffer: deque[Any] = deque()
        self._blocked: dict[int, float] = {}
        self._assigned = False
        self._closed = False
        self._failure: KafkaError | None = None
        self._pulse = Pulse()
        self._polling = Lane(f"kafka-poll-{config.group}")
        self._committing = Lane(f"kafka-commit-{config.group}")
        self._consumer: Consumer

    async def join(self) -> None:
        """Join the group and wait for the first assignment, which may be empty.

        Raises ``DeadlineExceeded`` when there is none within ten seconds and a session.
        """
        await self._polling.run(self._subscribe)
        within = _JOIN + self._config.session
        deadline = time.monotonic() + within
        while not self._assigned:
            await self._polling.run(partial(self._poll, 1, _SLICE))
            if time.monotonic() > deadline:
                seen = self._pulse.silence(self._destination.name, ()) or "the group is rebalancing"
                raise DeadlineExceeded(f"group {self._config.group!r} assigns partitions", within, seen)

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Up to ``limit`` deliveries within ``timeout`` seconds.

        Raises ``KafkaException``: an error the consumer reported, or ``_TRANSPORT`` when there was
        nothing and the leader of a partition of ours does not answer.
        """
        if self._closed:
            raise errors.ClientClosed(f"the subscription of group {self._config.group!r}")
        deadline = time.monotonic() + timeout
        while not (taken := self._take(limit)):
            left = deadline - time.monotonic()
            if left <= 0:
                self._raise_if_silent()
                return ()
            if self._buffer:  # there is something, and no room for it until something is settled
                await asyncio.sleep(min(left, _SLICE))
                continue
            await self._polling.run(partial(self._poll, limit, min(left, _SLICE)))
            self._raise_failure()
        if self._config.ack_policy is AckPolicy.NONE:
            self._settle_unasked(taken)
        return taken

    async def ack(self, delivery: Delivery) -> bool:
        """Commit; returns ``True`` when the coordinator has confirmed an offset behind the message.

        While an earlier message of the partition is open it returns ``False`` at once. Raises
        ``KafkaException`` with the commit's error, or with ``_ASSIGNMENT_LOST`` when the partition was
        revoked since delivery.
        """
        partition, offset, _ = delivery.position
        with self._lock:
            ledger = self._ledger(delivery)
            through = self._config.ack_policy is AckPolicy.ALL
            passed = ledger.settle_through(offset) if through else ledger.settle(offset)
        if passed:
            await self._committed(partial(self._commit, partition, ledger))
        return passed

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Seek back to the message; its partition goes on with it after ``delay`` seconds."""
        partition, offset, _ = delivery.position
        with self._lock:
            ledger = self._ledger(delivery)
            limit = self._config.max_deliver
            exhausted = limit is not None and ledger.attempts(offset) >= limit
            if not exhausted:
                ledger.give_back(offset, time.monotonic() + delay)
                self._forget_buffered(partition)
        if exhausted:
            await self.reject(delivery)
        else:
            await self._polling.run(partial(self._rewind, partition))

    async def reject(self, delivery: Delivery) -> bool:
        """Publish to the dead letter destination, if there is one, then ``ack``, whose answer it returns."""
        with self._lock:
            self._ledger(delivery)
        if self._destination.dead_letter is not None:
            await self._dead_letter(self._destination.dead_letter, delivery.message)
        return await self.ack(delivery)

    async def extend(self, delivery: Delivery) -> None:
        """Kafka has no lease on a message, so there is nothing to extend."""
        raise BadOption("extend", delivery.message.id, "a Kafka consumer group has no lease on a message")

    async def close(self) -> None:
        """Leave the group; what does not end within 2 s is abandoned, and the session then ends it."""
        if self._closed:
            return
        self._closed = True
        await bounded(self._committing.run(lambda: None), 1.0)  # what nobody waited for, with policy none
        self._committing.end()
        await bounded(self._polling.run(self._leave), 1.0)
        self._polling.end()

    async def _committed(self, commit: Callable[[], None]) -> None:
        """Wait for a commit, and go on polling: a member that waits for its coordinator is not silent."""
        committing = asyncio.ensure_future(self._committing.run(commit))
        while not (await asyncio.wait({committing}, timeout=self._config.session / 4))[0]:
            await self._polling.run(partial(self._poll, 1, 0.0))
        await committing

    def _ledger(self, delivery: Delivery) -> Ledger:
        """The ledger the delivery is in; the lock is held."""
        if self._closed:
            raise errors.ClientClosed(f"the subscription of group {self._config.group!r}")
        partition, offset, _ = delivery.position
        ledger = self._ledgers.get(partition)
        if ledger is None or ledger is not delivery.handle:
            raise errors.assignment_lost(self._destination.name, partition, offset)
        return ledger

    def _take(self, limit: int) -> list[Delivery]:
        """Deliveries from the buffer: without waiting, so that a cancelled receive loses none."""
        taken: list[Delivery] = []
        with self._lock:
            room = self._config.in_flight - sum(ledger.outstanding for ledger in self._ledgers.values())
            while self._buffer and len(taken) < min(limit, room):
                record = self._buffer.popleft()
                delivery = self._deliver(record)
                if delivery is not None:
                    taken.append(delivery)
        return taken

    def _deliver(self, record: Any) -> Delivery | None:
        partition = record.partition()
        ledger = self._ledgers.get(partition)
        if ledger is None:
            return None
        match ledger.deliver(record.offset(), time.monotonic()):
            case Handed(attempt):
                where = messages.position(record)
                return Delivery(messages.message(record), where, record.topic(), attempt, ledger)
            case Held():
                self._forget_buffered(partition)
                self._polling.post(partial(self._rewind, partition))
        return None

    def _settle_unasked(self, taken: Sequence[Delivery]) -> None:
        with self._lock:
            for delivery in taken:
                delivery.handle.settle(delivery.position.major)
        for partition, ledger in {delivery.position.partition: delivery.handle for delivery in taken}.items():
            self._committing.post(partial(self._commit, partition, ledger))

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise KafkaException(failure)

    def _raise_if_silent(self) -> None:
        with self._lock:
            fetching = [partition for partition in self._ledgers if partition not in self._blocked]
            paused = bool(self._blocked)
        if paused and not fetching:
            return
        if reason := self._pulse.silence(self._destination.name, fetching):
            raise errors.native(KafkaError._TRANSPORT, reason)  # noqa: SLF001 - that is its public name

    def _forget_buffered(self, partition: int) -> None:
        kept = [record for record in self._buffer if record.partition() != partition]
        self._buffer.clear()
        self._buffer.extend(kept)

    # What follows runs in the polling thread.

    def _subscribe(self) -> None:
        self._consumer = self._make(self._pulse.hear)
        self._consumer.subscribe(
            [self._destination.name],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def _poll(self, limit: int, timeout: float) -> None:
        self._unblock()
        first = self._consumer.poll(timeout)
        if first is None:
            return
        records = [first, *(self._consumer.consume(limit - 1, 0) if limit > 1 else ())]
        with self._lock:
            for record in records:
                if error := record.error():
                    self._failure = error
                elif record.partition() not in self._blocked:
                    self._buffer.append(record)

    def _rewind(self, partition: int) -> None:
        with self._lock:
            ledger = self._ledgers.get(partition)
            target = ledger.replay() if ledger else None
            if target is None:
                return
            self._forget_buffered(partition)
            offset, due = target
            was_blocked = self._blocked.pop(partition, None) is not None
            if waits := due > time.monotonic():
                self._blocked[partition] = due
        place = TopicPartition(self._destination.name, partition, offset)
        if waits:
            self._consumer.pause([place])
            return
        if was_blocked:
            self._consumer.resume([place])
        # After resuming, not before: a seek wakes the fetching thread, which else sleeps up to a second.
        self._consumer.seek(place)

    def _unblock(self) -> None:
        now = time.monotonic()
        for partition in [partition for partition, due in self._blocked.items() if due <= now]:
            self._rewind(partition)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._config.start is Start.NEW:
            self._begin_now(consumer, partitions)
        with self._lock:
            self._ledgers |= {assigned.partition: Ledger() for assigned in partitions}
        self._assigned = True

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        with self._lock:
            for revoked in partitions:
                self._ledgers.pop(revoked.partition, None)
                self._blocked.pop(revoked.partition, None)
                self._forget_buffered(revoked.partition)

    def _begin_now(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Settle where a new group begins before the member has joined, and keep that with the group.

        librdkafka would look for the end of the log with its first fetch, and skip what was published
        between subscribing and then; and again, after every rebalance, until the first commit.
        """
        new = [known for known in consumer.committed(partitions, timeout=2.0) if known.offset < 0]
        for place in new:
            place.offset = consumer.get_watermark_offsets(place, timeout=2.0)[1]
        begin = {place.partition: place.offset for place in new}
        if begin:
            consumer.commit(offsets=new, asynchronous=False)
        for assigned in partitions:
            assigned.offset = begin.get(assigned.partition, assigned.offset)
        consumer.incremental_assign(partitions)

    def _leave(self) -> None:
        with self._lock:
            self._ledgers.clear()
            self._buffer.clear()
        self._consumer.close()

    # What follows runs in the committing thread.

    def _commit(self, partition: int, ledger: Ledger) -> None:
        with self._lock:
            if ledger.committed >= ledger.floor:
                return  # a commit before this one has passed it
            risen = {
                p: (known, known.floor) for p, known in self._ledgers.items() if known.floor > known.committed
            }
        if partition not in risen or risen[partition][0] is not ledger:
            raise errors.assignment_lost(self._destination.name, partition, ledger.floor - 1)
        topic = self._destination.name
        offsets = [TopicPartition(topic, p, floor) for p, (_, floor) in risen.items()]
        for answer in self._consumer.commit(offsets=offsets, asynchronous=False):
            if answer.error is None:
                known, floor = risen[answer.partition]
                known.committed = floor
            elif answer.partition == partition:
                raise KafkaException(answer.error)

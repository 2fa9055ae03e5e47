"""A client whose every operation is recorded: the invoke before the request, the end after it.

The client's own exceptions are recorded as what they mean (``Backend.classify``) and raised on.
No operation is retried here: a second attempt is a second op, made by whoever wants it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import msgspec

from harness.backends.contract import Backend, Client, Subscription
from harness.history.recorder import Recorder
from harness.history.records import Function, Op, Seen, Stage
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.message import Delivery, Message, Receipt, Stored
from harness.workloads.tally import Tally


class Recording:
    """One op under way: its invoke is recorded where the block begins, and how it ended where that ends.

    Whoever is inside says what the record of the end holds: its ``stage``, and further ``fields``. No
    coroutine, though operations are: an asynchronous generator would cost more than all the rest.
    """

    __slots__ = ("_invoke", "_journal", "fields", "stage")

    def __init__(self, journal: Journal, invoke: Op) -> None:
        self._journal = journal
        self._invoke = invoke
        self.stage = Stage.OK
        self.fields: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._journal.write(self._invoke)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.stage = self._journal.meaning(self._invoke.function, error)
            self.fields = {"error": _described(error)}
        self._journal.write(
            msgspec.structs.replace(self._invoke, stage=self.stage, time=time.monotonic_ns(), **self.fields)
        )


class Journal:
    """Writes the ops of one client, under a process id that is retired after an unknown outcome."""

    def __init__(self, client: str, backend: Backend, recorder: Recorder) -> None:
        self.client = client
        self._backend = backend
        self._recorder = recorder
        self._process = recorder.next_process()

    def op(self, function: Function, **fields: Any) -> Recording:
        """Record an invoke, and how what runs inside ended."""
        invoke = Op(
            stage=Stage.INVOKE,
            op=self._recorder.next_op(),
            function=function,
            time=time.monotonic_ns(),
            process=self._process,
            client=self.client,
            **fields,
        )
        return Recording(self, invoke)

    def meaning(self, function: Function, error: BaseException) -> Stage:
        """What an operation has come to that ended with ``error``."""
        if isinstance(error, Exception):
            return Stage(self._backend.classify(function, error))
        # Cancelled while under way: the request may have been sent, so nobody knows.
        return Stage.INFO

    def write(self, op: Op) -> None:
        """Append a record, and take a new process id where nobody knows the outcome."""
        self._recorder.write(op)
        if op.stage is Stage.INFO:
            self._process = self._recorder.next_process()


class RecordedClient:
    """One logical client over one link; ``name`` is what the history calls it."""

    def __init__(self, client: Client, name: str, backend: Backend, recorder: Recorder, tally: Tally) -> None:
        self.name = name
        self.journal = Journal(name, backend, recorder)
        self._client = client
        self._tally = tally

    @property
    def is_connected(self) -> bool:
        """What the client believes of its connection."""
        return self._client.is_connected

    async def connect(self) -> None:
        """Connect; not an operation on messages, so not recorded."""
        await self._client.connect()

    async def disconnect(self) -> None:
        """Close for good."""
        await self._client.disconnect()

    async def create_destination(self, destination: Destination) -> None:
        """Create a destination and its dead letter."""
        with self.journal.op(Function.CREATE, destination=destination.name):
            await self._client.create_destination(destination)

    async def publish(self, destination: Destination, message: Message, timeout: float = 5.0) -> Receipt:
        """Publish once; raises the client's own error when it was not acknowledged in ``timeout`` s."""
        self._tally.attempted[destination.name] += 1
        fields = {"message": message.id, "key": _text(message.key), "digest": message.digest}
        with self.journal.op(Function.PUBLISH, destination=destination.name, **fields) as ending:
            receipt = await self._client.publish(destination, message, timeout)
            ending.fields = {"position": receipt.position, "deduplicated": receipt.deduplicated}
        self._tally.acknowledged[destination.name] += 1
        return receipt

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> RecordedSubscription:
        """Join a group."""
        self._tally.groups[destination.name].add(config.group)
        with self.journal.op(Function.SUBSCRIBE, destination=destination.name, group=config.group):
            subscription = await self._client.subscribe(destination, config)
        return RecordedSubscription(subscription, destination.name, config.group, self.journal, self._tally)

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """Everything the log holds."""
        with self.journal.op(Function.READ_LOG, destination=destination.name) as ending:
            stored = await self._client.read_log(destination)
            ending.fields = {"seen": tuple(_seen_stored(each, destination.name) for each in stored)}
        return stored

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """A group's figures, as the broker states them."""
        with self.journal.op(Function.BACKLOG, destination=destination.name, group=group) as ending:
            backlog = await self._client.backlog(destination, group)
            ending.fields = {"detail": f"lag={backlog.lag} pending={backlog.pending}"}
        return backlog


class RecordedSubscription:
    """One member of a group, recorded."""

    def __init__(
        self,
        subscription: Subscription,
        destination: str,
        group: str,
        journal: Journal,
        tally: Tally,
    ) -> None:
        self._subscription = subscription
        self._where = {"destination": destination, "group": group}
        self._group_of = (destination, group)
        self._journal = journal
        self._tally = tally
        self._closed = False

    async def receive(self, limit: int = 100, timeout: float = 1.0) -> list[Delivery]:
        """Up to ``limit`` deliveries; each is in the history before anybody can acknowledge it."""
        with self._journal.op(Function.RECEIVE, **self._where) as ending:
            deliveries = list(await self._subscription.receive(limit, timeout))
            ending.fields = {"seen": tuple(map(_seen, deliveries))}
        self._tally.delivered[self._group_of].update(delivery.position for delivery in deliveries)
        return deliveries

    async def take(self, count: int, within: float, *, ack: bool = True) -> list[Delivery]:
        """Receive until ``count`` deliveries have come, acknowledging each unless told otherwise.

        Raises ``DeadlineExceeded`` saying how many came within ``within`` seconds.
        """
        deadline = time.monotonic() + within
        taken: list[Delivery] = []
        while len(taken) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise DeadlineExceeded(f"{count} deliveries", within, f"{len(taken)} of them")
            for delivery in await self.receive(count - len(taken), min(left, 1.0)):
                taken.append(delivery)
                if ack:
                    await self.ack(delivery)
        return taken

    async def ack(self, delivery: Delivery) -> None:
        """Settle a delivery; recorded as unknown where the broker does not confirm it."""
        with self._settling(Function.ACK, delivery) as ending:
            ending.stage = _stage(confirmed=await self._subscription.ack(delivery))
        self._tally.settled[self._group_of].add(delivery.position)

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Ask for the message again, ``delay`` seconds from now."""
        with self._settling(Function.NAK, delivery, detail=f"delay={delay:g}" if delay else ""):
            await self._subscription.nak(delivery, delay)

    async def reject(self, delivery: Delivery) -> None:
        """Dead-letter a delivery at once; recorded as unknown where the broker does not confirm it."""
        with self._settling(Function.REJECT, delivery) as ending:
            ending.stage = _stage(confirmed=await self._subscription.reject(delivery))
        self._tally.settled[self._group_of].add(delivery.position)

    async def extend(self, delivery: Delivery) -> None:
        """Start the lease of a delivery anew."""
        with self._settling(Function.EXTEND, delivery):
            await self._subscription.extend(delivery)

    async def close(self) -> None:
        """Leave the group; harmless twice."""
        if self._closed:
            return
        self._closed = True
        with self._journal.op(Function.CLOSE, **self._where):
            await self._subscription.close()

    def _settling(self, function: Function, delivery: Delivery, detail: str = "") -> Recording:
        about = {"message": delivery.message.id, "position": delivery.position, "detail": detail}
        return self._journal.op(function, **self._where, **about)


def _stage(*, confirmed: bool) -> Stage:
    return Stage.OK if confirmed else Stage.INFO


def _seen(delivery: Delivery) -> Seen:
    message = delivery.message
    return Seen(
        message.id,
        delivery.position,
        delivery.attempt or 0,
        message.digest,
        _text(message.key),
        delivery.destination,
    )


def _seen_stored(stored: Stored, destination: str) -> Seen:
    message = stored.message
    return Seen(message.id, stored.position, 0, message.digest, _text(message.key), destination)


def _text(key: bytes) -> str:
    return key.decode(errors="backslashreplace")


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:500]

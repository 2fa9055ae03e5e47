"""A client that answers as it is told, and what records it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import anyio

from harness.backends.contract import Backend
from harness.history.records import Function, Op
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.message import Delivery, Message, Position, Receipt, Stored
from harness.model.outcome import Outcome
from harness.workloads.recorded import RecordedClient
from harness.workloads.tally import Tally
from tests.scenario.doubles import Notebook

ORDERS = Destination("orders")
BILLING = ConsumerConfig("billing")


def delivery(number: int, attempt: int | None = 1) -> Delivery:
    """The hand-over of the message stored at ``number``."""
    message = Message(f"p-{number}", b"payload", b"key")
    return Delivery(message, Position(0, number), "orders", attempt)


class Refused(Exception):
    """Classified as a definite failure; anything else is unknown."""


class ToldBackend:
    """Knows one definite failure."""

    def classify(self, function: Function, error: Exception) -> Outcome:
        return Outcome.FAIL if isinstance(error, Refused) else Outcome.INFO


class ToldClient:
    """Does what it is told: ``errors`` are raised by name of the method, ``hangs`` never return."""

    def __init__(self) -> None:
        self.errors: dict[str, list[Exception]] = {}
        self.hangs: set[str] = set()
        self.called: list[str] = []
        self.batches: list[list[Delivery]] = []
        self.on_call: Callable[[str], None] = lambda _: None
        self.position = 0
        self.confirms = True
        self.is_connected = False

    async def _do(self, method: str) -> None:
        self.called.append(method)
        self.on_call(method)
        if method in self.hangs:
            await anyio.sleep_forever()
        if errors := self.errors.get(method):
            raise errors.pop(0)

    async def connect(self) -> None:
        await self._do("connect")
        self.is_connected = True

    async def disconnect(self) -> None:
        await self._do("disconnect")

    async def create_destination(self, destination: Destination) -> None:
        await self._do("create")

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        await self._do("publish")
        self.position += 1
        return Receipt(Position(0, self.position), deduplicated=bool(message.deduplication_key))

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> ToldClient:
        await self._do("subscribe")
        return self

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        await self._do("read_log")
        return [Stored(Position(0, 1), Message("p-1", b"payload", b"\xff"))]

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        await self._do("backlog")
        return Backlog(lag=3, pending=None)

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        await self._do("receive")
        if not self.batches:
            await anyio.sleep(timeout)
        return self.batches.pop(0)[:limit] if self.batches else []

    async def ack(self, delivery: Delivery) -> bool:
        await self._do("ack")
        return self.confirms

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        await self._do("nak")

    async def reject(self, delivery: Delivery) -> bool:
        await self._do("reject")
        return self.confirms

    async def extend(self, delivery: Delivery) -> None:
        await self._do("extend")

    async def close(self) -> None:
        await self._do("close")


class Desk:
    """A recorded client, and everything it writes."""

    def __init__(self, directory: Path) -> None:
        self.notebook = Notebook(directory)
        self.tally = Tally()
        self.bare = ToldClient()
        backend, recorder = cast("Backend", ToldBackend()), self.notebook.recorder
        self.client = RecordedClient(cast("Any", self.bare), "c-1", backend, recorder, self.tally)

    def ops(self, function: Function | None = None) -> list[Op]:
        """The ops that were written, of one function or all."""
        return [
            record
            for record in self.notebook.records()
            if isinstance(record, Op) and function in {None, record.function}
        ]

    def stages(self, function: Function | None = None) -> list[str]:
        """Their stages by name."""
        return [str(op.stage) for op in self.ops(function)]

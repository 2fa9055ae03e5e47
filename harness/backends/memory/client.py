"""The memory broker's client: one logical client over one link.

It sends each request once, to the node that it last knew to lead, and asks anew who leads only
after an error, as a client with cached metadata does.
"""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from harness.backends.memory.errors import ClientClosed, NoAnswer
from harness.backends.memory.mesh import CONTROLLER
from harness.backends.memory.request import Request
from harness.model.errors import BadOption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.backends.memory.broker import Broker
    from harness.backends.memory.cluster import MemoryCluster
    from harness.model.consumer import Backlog, ConsumerConfig
    from harness.model.destination import Destination
    from harness.model.link import Link
    from harness.model.message import Delivery, Message, Receipt, Stored

_members = count(1)


class MemoryClient:
    """See ``harness.backends.contract.Client``."""

    def __init__(self, cluster: MemoryCluster, link: Link, name: str) -> None:
        self.cluster = cluster
        self.link = link
        self.name = name
        self._open = False
        self._leaders: dict[str | None, str] = {}
        self._connected: set[str] = set()
        self._subscriptions: list[MemorySubscription] = []

    async def connect(self) -> None:
        """Reach a node; raises ``Refused``, or ``NoAnswer`` when every node in reach is frozen."""
        self._open = True
        try:
            await self.ask(None, lambda _: True)
        except Exception:
            self._open = False
            raise

    async def disconnect(self) -> None:
        """End what still waits, with ``ClientClosed``."""
        self._open = False
        for subscription in self._subscriptions:
            await subscription.close()
        self.cluster.fabric.drop(self, ClientClosed(self.name))

    @property
    def is_connected(self) -> bool:
        """Whether the client is open and a node is in reach."""
        fabric = self.cluster.fabric
        return self._open and any(fabric.reaches(self.link, node) for node in self.cluster.nodes)

    async def create_destination(self, destination: Destination) -> None:
        """Raises ``NotEnoughNodes`` and ``DestinationExists``."""
        await self.ask(CONTROLLER, _done(lambda _: self.cluster.create(destination)))

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        """Raises ``MessageTooLarge``, and ``NoAnswer`` after ``timeout`` seconds."""
        broker, name = self.cluster.fabric.broker, destination.name
        answer = await self.ask(
            name,
            lambda now: broker.publish(now, name, message),
            timeout,
            message=message,
        )
        return cast("Receipt", answer)

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> MemorySubscription:
        """Join the group; there are no sessions, so ``config.session`` means nothing."""
        broker, name = self.cluster.fabric.broker, destination.name
        await self.ask(name, _done(lambda _: broker.subscribe(name, config)))
        joined = MemorySubscription(self, name, config.group, f"{self.name}/{next(_members)}")
        self._subscriptions.append(joined)
        return joined

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """The leader's log, by position."""
        broker, name = self.cluster.fabric.broker, destination.name
        return cast("Sequence[Stored]", await self.ask(name, lambda now: broker.read_log(now, name)))

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """Exact, as the leader has it; raises ``UnknownGroup``."""
        broker, name = self.cluster.fabric.broker, destination.name
        return cast("Backlog", await self.ask(name, lambda now: broker.backlog(now, name, group)))

    async def ask(
        self,
        seat: str | None,
        act: Callable[[float], Any],
        timeout: float | None = None,
        *,
        message: Message | None = None,
    ) -> Any:
        """Send one request that stays sent, and wait for its answer up to ``timeout`` seconds."""
        patience = self.cluster.patience if timeout is None else timeout
        deadline = self.cluster.fabric.clock() + patience
        return await self.exchange(Request(seat, self.link, act, deadline, owner=self, message=message))

    async def exchange(self, request: Request) -> Any:
        """Send the request and wait for its answer; None when a long poll met nothing to answer."""
        if not self._open:
            raise ClientClosed(self.name)
        # Most answers need no wait; without this, a busy client would keep all others from running.
        await asyncio.sleep(0)
        try:
            return await self._exchange(request)
        except Exception as error:
            self._leaders.clear()
            if isinstance(error, ConnectionError):
                self._connected.clear()
            raise

    async def _exchange(self, request: Request) -> Any:
        started = self.cluster.fabric.clock()
        node = self._submit(request)
        try:
            await self._await_end(request)
        finally:
            idle = self.cluster.fabric.give_up(node, request)
        if request.error is not None:
            raise request.error
        if not request.is_over and (request.lasting or not idle):
            raise NoAnswer(node, request.deadline - started)
        return request.answer

    def _submit(self, request: Request) -> str:
        node = self._leaders.get(request.seat) or self.cluster.fabric.locate(self.link, request.seat)
        was_connected = node in self._connected
        self._connected.discard(node)
        self.cluster.fabric.submit(node, request, was_connected=was_connected)
        self._connected.add(node)
        self._leaders[request.seat] = node
        return node

    async def _await_end(self, request: Request) -> None:
        fabric = self.cluster.fabric
        while not request.is_over and (now := fabric.tick()) < request.deadline:
            await request.wait(min(request.deadline, fabric.due) - now)


class MemorySubscription:
    """See ``harness.backends.contract.Subscription``; a closed one's leases run out by themselves."""

    def __init__(self, client: MemoryClient, destination: str, group: str, member: str) -> None:
        self._client = client
        self._destination = destination
        self._group = group
        self._member = member
        self._open = True

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Wait up to ``timeout`` seconds for a first message; raises ``NoAnswer`` if the broker is silent."""
        if limit < 1:
            raise BadOption("limit", limit, "at least 1 is needed")
        self._check_open()
        fabric = self._client.cluster.fabric
        who = (self._destination, self._group, self._member)
        poll = Request(
            self._destination,
            self._client.link,
            lambda now: fabric.broker.receive(now, *who, limit) or None,
            fabric.clock() + timeout,
            owner=self,
            lasting=False,
        )
        answer: Sequence[Delivery] | None = await self._client.exchange(poll)
        return answer or ()

    async def ack(self, delivery: Delivery) -> bool:
        """Confirmed; accepted late, and a second time."""
        await self._settle(lambda broker, now: broker.ack(now, delivery.handle))
        return True

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Raises ``LeaseLost`` when it is no longer this delivery's to give back."""
        await self._settle(lambda broker, now: broker.nak(now, delivery.handle, delay))

    async def reject(self, delivery: Delivery) -> bool:
        """Confirmed; accepted late; without effect on what is settled."""
        await self._settle(lambda broker, now: broker.reject(now, delivery.handle))
        return True

    async def extend(self, delivery: Delivery) -> None:
        """Raises ``LeaseLost`` when the lease is over."""
        await self._settle(lambda broker, now: broker.extend(now, delivery.handle))

    async def close(self) -> None:
        """Receive no more; a receive that waits ends with ``ClientClosed``."""
        self._open = False
        self._client.cluster.fabric.drop(self, ClientClosed(self._member))

    async def _settle(self, act: Callable[[Broker, float], None]) -> None:
        self._check_open()
        broker = self._client.cluster.fabric.broker
        await self._client.ask(self._destination, _done(lambda now: act(broker, now)))

    def _check_open(self) -> None:
        if not self._open:
            raise ClientClosed(self._member)


def _done(act: Callable[[float], None]) -> Callable[[float], bool]:
    """Have what answers nothing answer something: None would mean "not yet"."""

    def answering(now: float) -> bool:
        act(now)
        return True

    return answering

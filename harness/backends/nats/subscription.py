"""A member of a group: pull requests on a durable consumer, spoken directly.

Not through the library's ``fetch``: that raises the same ``TimeoutError`` for "nothing there" and
"nobody there", drops what arrives for a request that was given up, and leaves requests behind that
swallow later messages (nats.py issue 933). Here

* one inbox serves all requests of a member, and whatever arrives in it waits in ``_arrived`` until
  a ``receive`` returns it: a receive that times out or is cancelled loses nothing;
* a request is answered by messages or by a status that ends it; heartbeats of the server tell a
  quiet group from a dead server, so that an empty answer is the server's word, not ours;
* what has waited longer than the lease is dropped: the server has taken it back by then.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nats import errors
from nats.js.errors import APIError

from harness.backends.nats.wire import decode, native_name, stream_name
from harness.model.consumer import AckPolicy, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.message import Delivery, Position

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from harness.backends.nats.connection import Connection
    from harness.backends.nats.dead_letters import DeadLetters

_ACK = 2.0
"""Seconds the server has to confirm an acknowledgement of any kind."""

_SILENCE = 2.0
"""Seconds without message, heartbeat or status after which the server counts as gone."""

_HEARTBEAT = 0.5
_SETTLE = 0.05
"""Seconds to wait for more once something has arrived: a request stays open at a full in-flight limit."""

_NANOSECONDS = 1_000_000_000

_READY = 10.0
_POLL = 0.01
_IMPOSSIBLE = b'{"batch": 1, "expires": 1000000000, "idle_heartbeat": 2000000000}'
_REFUSED = "400"
_ALIVE = "100"
_NOTHING_THERE = {"404", "408"}
_IN_LINE = "Requests Pending"


@dataclass(slots=True)
class _Asked:
    """A pull request under way: where its answers come, and the status that has ended it."""

    inbox: str
    end: Msg | None = None


class NatsSubscription:
    """One member (``backends.contract.Subscription``); ``open`` it before use."""

    def __init__(
        self,
        connection: Connection,
        destination: Destination,
        config: ConsumerConfig,
        dead_letters: DeadLetters,
    ) -> None:
        self._connection = connection
        self._config = config
        self._acks = config.ack_policy is not AckPolicy.NONE
        self._dead_letters = dead_letters
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream_name(destination)}.{native_name(config.group)}"
        self._inbox = connection.nats.new_inbox()
        self._arrived: deque[tuple[float, Msg]] = deque()
        self._news = asyncio.Event()
        self._numbers = itertools.count(1)
        self._asked = _Asked(self._inbox)
        self._library: Any = None

    async def open(self) -> None:
        """Listen on the inbox, and return once the consumer answers from where this client is.

        The inbox has no limit, because the library drops what exceeds one. A consumer is created
        before every server knows where to route requests for it: until then they end in 503, so
        one is sent that the consumer must refuse (a heartbeat without end). Raises
        ``DeadlineExceeded`` after 10 s.
        """
        self._library = await self._connection.nats.subscribe(
            f"{self._inbox}.*", cb=self._on_arrival, pending_msgs_limit=0, pending_bytes_limit=0
        )
        deadline = time.monotonic() + _READY
        while (status := await self._refusal()) != _REFUSED:
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"an answer on {self._next}", _READY, status)
            await asyncio.sleep(_POLL)

    async def _refusal(self) -> str:
        try:
            answer = await self._connection.nats.request(self._next, _IMPOSSIBLE, timeout=_ACK)
        except errors.NoRespondersError as nobody:
            return str(nobody)
        return _header(answer, "Status")

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Up to ``limit`` deliveries, as soon as there is one; empty when the server says so.

        Raises ``nats.errors.TimeoutError`` when the server was silent, ``ConnectionReconnectingError``
        when there was no connection within ``timeout`` seconds, and what the server's status says
        (``ServiceUnavailableError`` while the consumer has no leader).
        """
        await self._dead_letters.sweep()
        self._drop_expired()
        if not self._arrived:
            await self._pull(limit, timeout)
        taken = [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]
        return [_delivery(message) for _, message in taken]

    async def ack(self, delivery: Delivery) -> bool:
        """Settle the delivery; returns on the server's confirmation, which R3 replicates first.

        ``False`` with policy ``none``, where there is nothing to settle.
        """
        if self._acks:
            await self._settle(delivery, b"+ACK")
        return self._acks

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Hand the delivery back, to come again after ``delay`` seconds."""
        detail = f' {{"delay": {int(delay * _NANOSECONDS)}}}' if delay > 0 else ""
        await self._settle(delivery, f"-NAK{detail}".encode())

    async def reject(self, delivery: Delivery) -> bool:
        """Publish to the dead letter if there is one, and only then end the deliveries of the message."""
        await self._dead_letters.bury(delivery.position.major, delivery.message)
        await self._settle(delivery, b"+TERM")
        return True

    async def extend(self, delivery: Delivery) -> None:
        """Start the lease anew."""
        await self._settle(delivery, b"+WPI")

    async def close(self) -> None:
        """Stop listening, and hand back what no receive has returned; never raises."""
        try:
            await asyncio.wait_for(self._leave(), 1.0)
        except (errors.Error, OSError, TimeoutError):
            return

    async def _leave(self) -> None:
        await self._library.unsubscribe()
        if self._acks:
            for _, message in self._arrived:
                await self._connection.nats.publish(message.reply, b"-NAK")
        self._arrived.clear()
        await self._connection.nats.flush(timeout=1)

    async def _settle(self, delivery: Delivery, verb: bytes) -> None:
        await self._connection.nats.request(delivery.handle, verb, timeout=_ACK)

    def _drop_expired(self) -> None:
        if self._acks:
            oldest = time.monotonic() - self._config.lease
            while self._arrived and self._arrived[0][0] < oldest:
                self._arrived.popleft()

    async def _pull(self, limit: int, timeout: float) -> None:
        """Ask for what is there, waiting for the first; where others wait already, get in line."""
        deadline = time.monotonic() + timeout
        await self._connection.until_connected(timeout)
        end = await self._ask(deadline, limit, no_wait=True)
        if end is not None and _header(end, "Description") == _IN_LINE:
            end = await self._ask(deadline, 1, no_wait=False)
        if end is not None and not self._arrived and _header(end, "Status") not in _NOTHING_THERE:
            APIError.from_msg(end)

    async def _ask(self, deadline: float, batch: int, *, no_wait: bool) -> Msg | None:
        """One pull request; returns the status that ended it, ``None`` if messages did."""
        expires = max(deadline - time.monotonic(), 0.01)
        request = {
            "batch": batch,
            "no_wait": no_wait,
            "expires": int(expires * _NANOSECONDS),
            "idle_heartbeat": int(min(_HEARTBEAT, expires / 3) * _NANOSECONDS),
        }
        self._asked = asked = _Asked(f"{self._inbox}.{next(self._numbers)}")
        await self._connection.nats.publish(self._next, json.dumps(request).encode(), reply=asked.inbox)
        while asked.end is None and len(self._arrived) < batch:
            if not await self._heard(_SETTLE if self._arrived else _SILENCE):
                if self._arrived:
                    break
                raise errors.TimeoutError
        return asked.end

    async def _heard(self, seconds: float) -> bool:
        """Whether anything arrived within ``seconds``; raises when the connection was lost meanwhile."""
        self._news.clear()
        deadline = time.monotonic() + seconds
        while not self._news.is_set():
            if not self._connection.nats.is_connected:
                raise errors.ConnectionReconnectingError
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            try:
                await asyncio.wait_for(self._news.wait(), min(left, 0.1))
            except TimeoutError:
                continue
        return True

    async def _on_arrival(self, message: Msg) -> None:
        """Messages keep the subject they were published to; a status bears that of its request."""
        if not message.subject.startswith(self._inbox):
            self._arrived.append((time.monotonic(), message))
        elif message.subject == self._asked.inbox and _header(message, "Status") != _ALIVE:
            self._asked.end = message
        self._news.set()


def _header(message: Msg, name: str) -> str:
    return (message.headers or {}).get(name, "")


def _delivery(message: Msg) -> Delivery:
    """The handle is the subject on which the server takes acknowledgements, and nothing of the client."""
    return Delivery(
        message=decode(message.data, message.headers),
        position=Position(0, message.metadata.sequence.stream),
        destination=message.subject,
        attempt=message.metadata.num_delivered,
        handle=message.reply,
    )

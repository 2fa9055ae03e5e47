"""A client of one link: commands over one connection to the primary, one more for each subscription.

Nothing is retried. An operation that fails leaves no connection behind if there is any doubt about
it (silence, a reset, ``READONLY``, ``NOREPLICAS``, a short ``WAIT``), and the next operation asks the
Sentinels anew. So ``is_connected`` tells of the last operation; nothing reconnects in the background.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Sequence
from typing import Any

from harness.backends.redis import scripts
from harness.backends.redis.cluster import LARGEST, WAIT
from harness.backends.redis.entries import stream_of, to_fields, to_message, to_position
from harness.backends.redis.errors import NotReplicated, TooLarge, UnknownDestination
from harness.backends.redis.primary import Primary
from harness.backends.redis.subscription import ANSWER, Membership, RedisSubscription, join
from harness.backends.redis.wire import CONNECT, Wire
from harness.model.cluster import Cluster
from harness.model.consumer import Backlog, ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.link import Link
from harness.model.message import Message, Position, Receipt, Stored

PAGE = 1000
"""Entries asked for at once when a whole log is read."""

_SEQUENCE_BITS = 20


class RedisClient:
    """One logical client over one link."""

    def __init__(self, cluster: Cluster, link: Link, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._primary = Primary(cluster, link, name)
        self._wire = Wire(self._primary.dial)
        self._replicas = len(cluster.nodes) - 1
        self._subscriptions: list[RedisSubscription] = []

    async def connect(self) -> None:
        """Reach the primary; raises ``NotSent`` when it cannot be found or does not answer."""
        await self._wire.call("PING", timeout=CONNECT + ANSWER)

    async def disconnect(self) -> None:
        """Close every connection, each at once."""
        with contextlib.suppress(Exception):
            await asyncio.gather(*(member.abandon() for member in self._subscriptions), self._wire.close())

    @property
    def is_connected(self) -> bool:
        """Whether the connection of the last operation is still up, as far as is known."""
        return self._wire.is_open

    async def create_destination(self, destination: Destination) -> None:
        """Create the empty stream, and its dead letter's, on the primary and its replicas.

        Every node of a Redis cluster holds every stream, so ``replicas`` below the nodes' number
        only says how many must have it before this returns. Raises ``BadOption`` for partitions.
        """
        if destination.partitions != 1:
            raise BadOption("partitions", destination.partitions, "a Redis stream is one log")
        if destination.replicas > self._replicas + 1:
            raise BadOption("replicas", destination.replicas, f"there are {self._replicas + 1} nodes")
        copies = max(destination.replicas - 1, min(self._replicas, 1))
        create = scripts.script(scripts.CREATE, [stream_of(destination)])
        await self._replicated(create, copies, ANSWER)
        if destination.dead_letter is not None:
            await self.create_destination(destination.dead_letter)

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        """``XADD``, and at tier ``wait`` a ``WAIT`` for one replica behind it on the same connection.

        Raises ``UnknownDestination`` for a stream that nobody created, ``TooLarge`` for a value of more
        than 16 MiB, ``NotReplicated`` when no replica confirmed in time, else what redis-py raises.
        """
        stream, largest = stream_of(destination), max(map(len, to_fields(message)))
        if largest > LARGEST:
            raise TooLarge(largest, LARGEST)
        copies = 1 if self._cluster.spec.tier == WAIT else 0
        if message.deduplication_key:
            reply = await self._replicated(_publish_once(destination, message), copies, timeout)
        else:
            command = ("XADD", stream, "NOMKSTREAM", "*", *to_fields(message))
            entry = await self._replicated(command, copies, timeout)
            reply = entry and (entry, 0)
        if reply is None:
            raise UnknownDestination(stream)
        return Receipt(to_position(reply[0]), deduplicated=bool(reply[1]))

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> RedisSubscription:
        """Join the group under a name of its own, as two members of one name would share one list.

        Raises ``UnknownDestination`` for a stream that nobody created.
        """
        stream = stream_of(destination)
        start = "0-0" if config.start is Start.EARLIEST else await self._last_entry(stream)
        await join(self._wire, stream, config.group, start)
        member = f"{self._name}-{secrets.token_hex(4)}"
        membership = Membership(destination, config, member, start)
        subscription = RedisSubscription(self._wire, Wire(self._primary.dial), membership)
        self._subscriptions.append(subscription)
        return subscription

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """Every entry, page by page; empty for a stream that does not exist."""
        stored: list[Stored] = []
        after = "-"
        while True:
            command = ("XRANGE", stream_of(destination), after, "+", "COUNT", PAGE)
            page = await self._wire.call(*command, timeout=ANSWER)
            stored += [Stored(to_position(entry), to_message(fields)) for entry, fields in page]
            if len(page) < PAGE:
                return stored
            after = "(" + page[-1][0].decode()

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """Counted in one script; ``position`` packs the entry id, milliseconds first."""
        command = scripts.script(scripts.BACKLOG, [stream_of(destination)], group)
        lag, pending, settled = await self._wire.call(*command, timeout=ANSWER)
        position = to_position(settled)
        return Backlog(lag, pending, _packed(position))

    async def _last_entry(self, stream: str) -> str:
        page = await self._wire.call("XREVRANGE", stream, "+", "-", "COUNT", 1, timeout=ANSWER)
        return page[0][0].decode() if page else "0-0"

    async def _replicated(self, command: Sequence[Any], copies: int, timeout: float) -> Any:
        """Run a command and have ``copies`` replicas confirm it, within ``timeout`` seconds in all."""
        if not copies:
            return await self._wire.call(*command, timeout=timeout)
        began = time.monotonic()
        patience = max(1, round(timeout * 900))  # milliseconds: WAIT's own answer must still reach us
        reply, counted = await self._wire.calls(command, ("WAIT", copies, patience), timeout=timeout)
        if counted < copies:
            self._wire.cut()
            raise NotReplicated(copies, counted, time.monotonic() - began)
        return reply


def _publish_once(destination: Destination, message: Message) -> tuple[Any, ...]:
    stream = stream_of(destination)
    window = round(destination.deduplication_window * 1000)
    keys = [stream, f"{stream}:published:{message.deduplication_key}"]
    return scripts.script(scripts.PUBLISH_ONCE, keys, window, *to_fields(message))


def _packed(position: Position) -> int | None:
    return (position.major << _SEQUENCE_BITS | position.minor) or None

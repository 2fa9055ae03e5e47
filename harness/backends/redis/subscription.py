"""A member of a consumer group: blocking reads interleaved with sweeps of the pending list.

Redis hands an entry out again only when a live member claims it, so every member sweeps ten
times a second. What a lost or cancelled reply carried stays in the pending list under this
member's name, and comes back after a lease with one attempt more; re-reading one's own list
(id ``0``) would bring it sooner, and would count as a delivery of every entry in it.

After a failover the group itself may be missing (it is replicated asynchronously). The receive that
finds out raises ``NOGROUP``; the next one makes the group again where this one began, because to
begin anywhere later would skip messages in silence.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError, ResponseError

from harness.backends.redis import scripts
from harness.backends.redis.entries import dotted_name, stream_of, to_message, to_position
from harness.backends.redis.errors import LeaseLost, UnknownDestination, code
from harness.backends.redis.wire import Wire
from harness.model.consumer import AckPolicy, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.message import Delivery

LEAVE = 1.0
"""Seconds the server has to forget a member that leaves."""

ANSWER = 3.0
"""Seconds the server has for a reply to a command that does not block."""

GRACE = 2.0
"""Seconds a read's reply may take beyond the time that the read may block."""

SWEEP = 0.1
"""Seconds between two sweeps of one member."""

POLL = 0.02
"""Seconds between two reads where the in-flight limit is kept exactly, which cannot block."""

EXACT_BELOW = 100
"""In-flight limits below this are kept exactly, by reading inside the sweep's script."""


async def join(wire: Wire, stream: str, group: str, start: str) -> None:
    """Create the group at entry id ``start``; no error when it is there already."""
    try:
        await wire.call("XGROUP", "CREATE", stream, group, start, timeout=ANSWER)
    except ResponseError as error:
        if "requires the key to exist" in str(error):
            raise UnknownDestination(stream) from error
        if code(error) != "BUSYGROUP":
            raise


@dataclass(frozen=True, slots=True)
class Membership:
    """Who reads what: a member's name in a group of a stream, and the entry id the group began at."""

    destination: Destination
    config: ConsumerConfig
    member: str
    start: str


class RedisSubscription:
    """One member; reads over ``reader``, which may block, and settles over the client's ``wire``."""

    def __init__(self, wire: Wire, reader: Wire, membership: Membership) -> None:
        self._wire = wire
        self._reader = reader
        self._config = config = membership.config
        self._member = membership.member
        self._start = membership.start
        self._stream = stream_of(membership.destination)
        dead = membership.destination.dead_letter
        self._keys = [self._stream] + ([stream_of(dead)] if dead else [])
        self._acks = config.ack_policy is not AckPolicy.NONE
        self._exact = self._acks and config.in_flight < EXACT_BELOW
        self._room = config.in_flight
        self._sweep_at = 0.0
        self._settled = asyncio.Event()
        self._group_lost = False

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Redeliveries first, else what is new; raises redis-py's errors when the server is silent."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                taken = await self._take(limit, deadline)
            except ResponseError as error:
                self._group_lost = code(error) == "NOGROUP"
                raise
            if taken or time.monotonic() >= deadline:
                return taken

    async def ack(self, delivery: Delivery) -> bool:
        """Settle it for the group, whoever owns it now: Redis takes late acks, and double ones.

        Returns ``True``, for the command is answered; ``False`` with policy ``none``, which sends none.
        """
        if self._config.ack_policy is AckPolicy.EXPLICIT:
            await self._call("XACK", self._stream, self._config.group, delivery.handle)
        elif self._config.ack_policy is AckPolicy.ALL:
            await self._call(
                *scripts.script(scripts.ACK_ALL, [self._stream], self._config.group, delivery.handle),
            )
        self._wake()
        return self._acks

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None:
        """Hand it back after ``delay`` seconds, at most a lease; raises ``LeaseLost`` if it is not ours."""
        if not 0 <= delay <= self._config.lease:
            why = f"Redis can delay by at most the lease ({self._config.lease:g} s)"
            raise BadOption("delay", delay, why)
        await self._set_idle(delivery, self._config.lease - delay)
        self._sweep_at = min(self._sweep_at, time.monotonic() + delay)
        self._wake()

    async def reject(self, delivery: Delivery) -> bool:
        """Acknowledge and dead-letter in one step; raises ``LeaseLost`` if it was settled before."""
        command = scripts.script(scripts.REJECT, self._keys, self._config.group, delivery.handle)
        if not await self._call(*command):
            raise LeaseLost(delivery.handle.decode(), self._config.group)
        self._wake()
        return True

    async def extend(self, delivery: Delivery) -> None:
        """Start the lease anew; raises ``LeaseLost`` if the delivery is not ours any more."""
        await self._set_idle(delivery, 0)

    async def close(self) -> None:
        """Stop reading, and forget this member if nothing is pending under its name."""
        await self._reader.close()
        with contextlib.suppress(RedisError, OSError):
            command = scripts.script(scripts.LEAVE, [self._stream], self._config.group, self._member)
            await self._wire.call(*command, timeout=LEAVE)

    async def abandon(self) -> None:
        """Stop reading and leave everything as it is."""
        await self._reader.close()

    async def _take(self, limit: int, deadline: float) -> list[Delivery]:
        if self._group_lost:
            await join(self._reader, self._stream, self._config.group, self._start)
            self._group_lost = False
        if self._acks and (self._exact or self._room < 1 or time.monotonic() >= self._sweep_at):
            swept = await self._sweep(limit)
            if swept:
                return swept
        if self._exact or self._room < 1:
            await self._pause(deadline)
            return []
        return await self._read(limit, deadline)

    async def _sweep(self, limit: int) -> list[Delivery]:
        config = self._config
        self._sweep_at = time.monotonic() + SWEEP
        command = scripts.script(
            scripts.SWEEP,
            self._keys,
            config.group,
            self._member,
            _milliseconds(config.lease),
            limit,
            config.max_deliver or 0,
            config.in_flight,
            int(self._exact),
        )
        taken, self._room = await self._reader.call(*command, timeout=GRACE)
        return [self._delivery(entry, fields, attempt) for entry, fields, attempt in taken]

    async def _read(self, limit: int, deadline: float) -> list[Delivery]:
        until = min(deadline, self._sweep_at) if self._acks else deadline
        left = until - time.monotonic()
        count = min(limit, self._room) if self._acks else limit
        # BLOCK 0 would block for ever; a read without BLOCK returns at once.
        block = ("BLOCK", _milliseconds(left)) if left >= 0.001 else ()  # noqa: PLR2004 - one millisecond
        noack = () if self._acks else ("NOACK",)
        reply = await self._reader.call(
            *("XREADGROUP", "GROUP", self._config.group, self._member, "COUNT", count),
            *(*block, *noack, "STREAMS", self._stream, ">"),
            timeout=max(left, 0.0) + GRACE,
        )
        entries = reply[0][1] if reply else []
        self._room -= len(entries) if self._acks else 0
        return [self._delivery(entry, fields, 1) for entry, fields in entries]

    async def _pause(self, deadline: float) -> None:
        """Wait for room or for news: until this member settles something, or the next poll."""
        self._settled.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(POLL, deadline - time.monotonic()))):
                await self._settled.wait()

    async def _set_idle(self, delivery: Delivery, idle: float) -> None:
        command = scripts.script(
            scripts.SET_IDLE,
            [self._stream],
            self._config.group,
            self._member,
            delivery.handle,
            delivery.attempt,
            _milliseconds(idle),
        )
        if not await self._call(*command):
            raise LeaseLost(delivery.handle.decode(), self._config.group)

    async def _call(self, *command: Any) -> Any:
        return await self._wire.call(*command, timeout=ANSWER)

    def _wake(self) -> None:
        self._room += 1
        self._settled.set()

    def _delivery(self, entry: bytes, fields: Sequence[bytes], attempt: int) -> Delivery:
        return Delivery(to_message(fields), to_position(entry), dotted_name(self._stream), attempt, entry)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)

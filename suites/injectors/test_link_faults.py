"""Faults on links: each is seen to bite and to be gone, by connections that owe nothing to the link proxy."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle, islice

import pytest

from harness import (
    Bandwidth,
    CanShapeLinks,
    CanTalk,
    Case,
    Destination,
    Fault,
    Field,
    Flap,
    Latency,
    LimitBytes,
    Link,
    LostReply,
    Message,
    Reset,
    Slice,
    SlowClose,
    Stall,
    Talk,
)

pytestmark = pytest.mark.nightly

FAULTS: list[Fault] = [
    Stall("publisher"),
    Reset("publisher"),
    LostReply("publisher"),
    Latency("both", 200),
    Latency("publisher", 300, 100),
    Bandwidth("publisher", 64),
    SlowClose("publisher", 500),
    Slice("publisher"),
    LimitBytes("publisher", 3000),
    Flap("publisher", up=0.5, down=0.5),
]
LEAVING: list[Fault] = [
    Stall("publisher"),
    Latency("publisher", 200, 100),
    Bandwidth("publisher", 10),
    SlowClose("publisher", 500),
    Slice("publisher"),
    LostReply("publisher"),
    LimitBytes("publisher", 3000),
]
ROUNDS = 40
QUICK = 0.5
"""Seconds that putting a fault in force, or ending it, may take."""


@pytest.mark.cluster(nodes=1)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_a_fault_bites_and_is_gone(case: Case, fault: Fault) -> None:
    """There is evidence of the fault at once, and none of it once healed: answers come at once again."""
    async with field_of(case) as field:
        hit = await fault.inject(field)
        try:
            assert await fault.verify(field, hit)
        finally:
            await fault.heal(field, hit)
        assert await fresh_round_trip(field, size=3000) < 0.1


@pytest.mark.cluster(nodes=1)
async def test_a_stalled_connection_goes_on(case: Case) -> None:
    """The same connection answers, falls silent without an end, and answers again, what was held included."""
    async with field_of(case) as field, talk_over(field, Link.PUBLISHER) as talk:
        hit = await Stall("publisher").inject(field)
        with pytest.raises(TimeoutError):
            await talk.ask(0.5)
        before = talk.received
        await Stall("publisher").heal(field, hit)
        assert await talk.ask(1.0) < 0.5
        assert talk.received - before > 1.5 * await answer_bytes(talk)


@pytest.mark.cluster(nodes=1)
@pytest.mark.parametrize("milliseconds", [50, 500])
async def test_latency_is_what_was_asked_for(case: Case, milliseconds: int) -> None:
    """A round trip over the link takes as much longer than over the admin link, to within a fifth."""
    fault = Latency("publisher", milliseconds)
    async with field_of(case) as field, talk_over(field, Link.PUBLISHER) as talk:
        async with talk_over(field, Link.ADMIN) as admin:
            hit = await fault.inject(field)
            added = [await talk.ask(3.0) - await admin.ask(1.0) for _ in range(5)]
            await fault.heal(field, hit)
        assert sorted(added)[2] == pytest.approx(milliseconds / 1000, rel=0.2)
        assert await talk.ask(1.0) < milliseconds / 2000


@pytest.mark.cluster(nodes=1)
async def test_bandwidth_is_what_was_asked_for(case: Case) -> None:
    """Bytes pass at the rate, to within a fifth, and the more bandwidth the faster."""
    for rate in (32, 128):
        fault = Bandwidth("publisher", rate)
        async with field_of(case) as field, talk_over(field, Link.PUBLISHER) as talk:
            hit = await fault.inject(field)
            size = rate * 250
            seconds = await talk.ask(10.0, size)
            await fault.heal(field, hit)
            passed = size * (2 if talk.echoes else 1)
            assert passed / seconds == pytest.approx(rate * 1000, rel=0.2)


@pytest.mark.cluster(nodes=1)
async def test_a_lost_reply_is_to_a_request_that_arrived(case: Case) -> None:
    """The client sees no acknowledgement, and the message is in the log."""
    orders = await case.destination("orders")
    client = await case.client("publisher")
    await client.publish(orders, case.message())
    message: Message = case.message(b"arrives")
    async with field_of(case, orders) as field:
        hit = await LostReply("publisher").inject(field)
        with pytest.raises(Exception):  # noqa: B017, PT011 - each client has its own
            await client.publish(orders, message, 2.0)
        await LostReply("publisher").heal(field, hit)
    reader = await case.client("reader")
    assert message.id in [stored.message.id for stored in await reader.read_log(orders)]


@pytest.mark.cluster(nodes=1)
async def test_clients_that_leave_do_not_hold_up_the_link_proxy(case: Case) -> None:
    """Forty times a fault begins and ends in half a second, while clients leave with answers on the way."""
    async with field_of(case) as field:
        for fault in islice(cycle(LEAVING), ROUNDS):
            leaving = [await leaver(field) for _ in range(4)]
            started = time.monotonic()
            hit = await fault.inject(field)
            assert time.monotonic() - started < QUICK, fault
            for task in leaving[::2]:
                task.cancel()
            await asyncio.gather(*leaving[::2], return_exceptions=True)
            started = time.monotonic()
            await fault.heal(field, hit)
            assert time.monotonic() - started < QUICK, fault
            for task in leaving[1::2]:
                task.cancel()
            await asyncio.gather(*leaving, return_exceptions=True)
            assert await fresh_round_trip(field) < QUICK, fault


@asynccontextmanager
async def field_of(case: Case, destination: Destination | None = None) -> AsyncIterator[Field]:
    """A field of the case's cluster, which takes a message in the end; skips where links cannot be shaped."""
    if not isinstance(case.cluster, CanShapeLinks):
        pytest.skip(f"links of {case.cluster.spec} are whole or cut")
    observer = case.backend.observer(case.cluster)
    orders = destination or await case.destination("orders")
    try:
        yield Field(case.cluster, observer, orders, random.Random(case.spec.seed))
        await case.publish(orders, case.message(b"after the fault"))
    finally:
        await observer.close()


@asynccontextmanager
async def talk_over(field: Field, link: Link) -> AsyncIterator[Talk]:
    """A connection to the first node."""
    assert isinstance(field.observer, CanTalk)
    talk = await field.observer.talk("n1", link)
    try:
        yield talk
    finally:
        talk.close()


async def fresh_round_trip(field: Field, size: int = 0) -> float:
    """The seconds an answer takes on a new connection."""
    async with talk_over(field, Link.PUBLISHER) as talk:
        return await talk.ask(5.0, size)


async def answer_bytes(talk: Talk) -> int:
    """How many bytes an answer has."""
    before = talk.received
    await talk.ask(1.0)
    return talk.received - before


async def leaver(field: Field) -> asyncio.Task[None]:
    """A client that asks for much, again and again, until it leaves without a word."""
    assert isinstance(field.observer, CanTalk)
    talk = await field.observer.talk("n1", Link.PUBLISHER)

    async def ask_on() -> None:
        try:
            while True:
                await talk.ask(30.0, 100_000)
        finally:
            talk.close()

    return asyncio.create_task(ask_on())

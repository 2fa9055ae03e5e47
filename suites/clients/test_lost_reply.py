"""B7: a publish reaches the broker, its reply does not come, and the application publishes again."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from harness import (
    CanShapeLinks,
    Capability,
    Case,
    Destination,
    LostReply,
    Message,
    NoLostMessages,
    NoStoredDuplicates,
)

pytestmark = pytest.mark.nightly

MESSAGES = 10


@pytest.mark.requires(Capability.DEDUPLICATION)
async def test_a_deduplication_key_makes_one_copy_of_two_publishes(case: Case) -> None:
    """Every message is in the log once, also those that the first publish had put there."""
    copies, unanswered = await published_twice(case, with_key=True)

    assert unanswered
    assert set(copies.values()) == {1}
    case.check(NoLostMessages(), NoStoredDuplicates(deduplicated=True))


async def test_without_a_key_there_are_two_copies(case: Case) -> None:
    """What the first publish had put there, unknown to the publisher, is there twice after the second."""
    copies, unanswered = await published_twice(case, with_key=False)

    assert unanswered
    assert {name: count for name, count in copies.items() if count > 1} == dict.fromkeys(unanswered, 2)
    case.check(NoLostMessages(), NoStoredDuplicates())


async def published_twice(case: Case, *, with_key: bool) -> tuple[Counter[str], list[str]]:
    """Copies of each message in the log, and which of them were there without the publisher's knowledge."""
    if not isinstance(case.cluster, CanShapeLinks):
        pytest.skip(f"links of {case.cluster.spec} are whole or cut")
    orders = await case.destination("orders")
    client = await case.client("publisher")
    await client.publish(orders, case.message(b"connects the client to the leader"))
    messages = [_message(case, number, with_key=with_key) for number in range(MESSAGES)]

    async with case.fault(LostReply("publisher"), at=orders):
        publishes = (client.publish(orders, message) for message in messages)
        ends = await asyncio.gather(*publishes, return_exceptions=True)
    assert all(isinstance(end, Exception) for end in ends), "a reply came through"
    stored = await in_log(case, orders)
    await case.publish(orders, *messages)
    await case.drained(orders)

    copies = await in_log(case, orders)
    return Counter({m.id: copies[m.id] for m in messages}), [m.id for m in messages if stored[m.id]]


async def in_log(case: Case, destination: Destination) -> Counter[str]:
    """How many copies of each message the log holds."""
    reader = await case.client("reader")
    return Counter(stored.message.id for stored in await reader.read_log(destination))


def _message(case: Case, number: int, *, with_key: bool) -> Message:
    return case.message(b"order", deduplication_key=f"order-{number}" if with_key else "")

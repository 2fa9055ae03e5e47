"""Scenarios in the suites' shape with short windows, for what a broken broker needs to show itself.

Beside the suites' own, which are played as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import anyio

from harness import (
    AckedStaysAcked,
    Case,
    Delivery,
    EverythingDelivered,
    Fault,
    Kill,
    LeaseHonoured,
    NoLostMessages,
    NoStoredDuplicates,
    PerKeyOrder,
    Sever,
)

LEASE = 1.0
ATTEMPTS = 3
WINDOW = 0.2


async def a_lease_is_extended(case: Case) -> None:
    """A message whose lease was started anew comes back after the new one."""
    orders = await case.destination("orders")
    holder = await case.subscription(orders, group="billing", lease=LEASE)
    await case.publish(orders, case.message(b"held"))
    [held] = await holder.take(1, within=5, ack=False)
    await anyio.sleep(0.7 * LEASE)
    await holder.extend(held)

    other = await case.subscription(orders, group="billing", lease=LEASE)
    await other.take(1, within=5)

    case.check(LeaseHonoured(LEASE))


async def what_is_rejected_is_set_aside(case: Case) -> None:
    """A rejected message lies in the dead letter and is not handed out again."""
    orders = await case.destination("orders", dead_letter=True)
    billing = await case.subscription(orders, group="billing", lease=LEASE)
    [poison, good] = [case.message(b"poison"), case.message(b"good")]
    await case.publish(orders, poison, good)
    for delivery in await billing.take(2, within=5, ack=False):
        await (billing.reject(delivery) if delivery.message.id == poison.id else billing.ack(delivery))

    await case.drained(orders)
    case.check(case.dead_letter_exact(orders, poison=[poison], group="billing"), NoLostMessages())


async def what_is_retried_in_time_is_not_set_aside(case: Case) -> None:
    """A message acknowledged at its last attempt is in no dead letter."""
    orders = await case.destination("orders", dead_letter=True)
    billing = await case.subscription(orders, group="billing", max_deliver=ATTEMPTS, lease=LEASE)
    await case.publish(orders, *(case.message(b"good") for _ in range(3)))
    for _ in range(ATTEMPTS - 1):
        for delivery in await billing.receive(limit=10, timeout=WINDOW):
            await billing.nak(delivery)

    await case.drained(orders)
    case.check(case.dead_letter_exact(orders, poison=[], group="billing"), EverythingDelivered())


async def what_always_fails_is_set_aside_once(case: Case) -> None:
    """A message that is given back at every attempt is dead-lettered after the last, and once."""
    orders = await case.destination("orders", dead_letter=True)
    billing = await case.subscription(orders, group="billing", max_deliver=ATTEMPTS, lease=LEASE)
    poison = case.message(b"poison")
    await case.publish(orders, poison)

    async def given_back() -> Sequence[Delivery]:
        again = await billing.receive(limit=10, timeout=WINDOW)
        for delivery in again:
            await billing.nak(delivery)
        return again

    for _ in range(ATTEMPTS + 1):
        await given_back()
        await case.dead_letters(orders)
    await case.drained(orders)
    case.check(case.dead_letter_exact(orders, poison=[poison], group="billing"))


async def a_key_stores_once(case: Case) -> None:
    """What is published twice under one deduplication key is stored once."""
    orders = await case.destination("orders")
    billing = await case.subscription(orders, group="billing")
    message = case.message(b"once", deduplication_key="once")
    await case.publish(orders, message, message)
    await billing.receive(limit=10, timeout=WINDOW)

    await case.drained(orders)
    case.check(NoStoredDuplicates(deduplicated=True), NoLostMessages())


async def a_backlog_is_worked_off(case: Case) -> None:
    """What was stored before anybody consumed comes in batches, all of it and in order."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=100, keys=3):
        await case.steady(seconds=WINDOW)
    async with case.consuming(orders, group="billing"):
        await case.steady(seconds=WINDOW)
    await case.drained(orders)
    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())


async def traffic_meets_faults(
    case: Case, faults: Sequence[Fault], writers: int = 1, groups: int = 1
) -> None:
    """One fault after the other while traffic flows: nothing acknowledged is lost or disordered."""
    orders = await case.destination("orders")
    async with AsyncExitStack() as traffic:
        await traffic.enter_async_context(case.publishing(orders, writers=writers, rate=50))
        for number in range(groups):
            await traffic.enter_async_context(case.consuming(orders, group=f"group-{number}"))
        await case.steady(seconds=WINDOW)
        for fault in faults:
            async with case.fault(fault, at=orders):
                await case.steady(seconds=WINDOW)
            await case.recovered(orders, within=20)
    await case.drained(orders)
    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())


async def what_was_lost_on_the_way_survives_a_restart(case: Case) -> None:
    """What a cut-off consumer was handed, and never got, comes again although the leader was killed."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50), case.consuming(orders, group="billing", lease=LEASE):
        await case.steady(seconds=WINDOW)
        async with case.fault(Sever("consumer"), at=orders):
            await case.steady(seconds=WINDOW)
            async with case.fault(Kill("leader"), at=orders):
                await case.steady(seconds=WINDOW)
        await case.recovered(orders, within=20)
    await case.drained(orders)
    case.check(NoLostMessages(), EverythingDelivered())

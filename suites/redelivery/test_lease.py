"""A7: a message that is not acknowledged comes back after the lease, not before."""

from __future__ import annotations

import time

import pytest

from harness import Capability, Case, LeaseHonoured

LEASE = 2.0


@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.requires(Capability.LEASE)
async def test_an_unacknowledged_message_comes_back_after_the_lease(case: Case) -> None:
    """A second member gets what the first one holds, once the lease is over."""
    orders = await case.destination("orders")
    holder = await case.subscription(orders, group="billing", lease=LEASE)
    await case.publish(orders, case.message(b"held"))
    begun = time.monotonic()
    [held] = await holder.take(1, within=10, ack=False)

    other = await case.subscription(orders, group="billing", lease=LEASE)
    [again] = await other.take(1, within=LEASE + 10)
    waited = time.monotonic() - begun

    case.check(LeaseHonoured(LEASE))
    assert again.position == held.position
    assert waited >= LEASE

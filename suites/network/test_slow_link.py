"""E4: the network is slow or narrow, but whole."""

from __future__ import annotations

import time

import pytest

from harness import (
    AckedStaysAcked,
    Bandwidth,
    CanShapeLinks,
    Capability,
    Case,
    Destination,
    EverythingDelivered,
    Fault,
    Latency,
    LeaseHonoured,
    NoLostMessages,
    NoStoredDuplicates,
)

pytestmark = pytest.mark.nightly

SLOW = [Latency("both", 50, 20), Latency("both", 500, 250), Bandwidth("both", 64)]
LEASE = 5.0
MEASURED = 2.0
"""Seconds over which acknowledgements are counted."""


@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.parametrize("fault", SLOW, ids=str)
async def test_a_slow_link_only_slows(case: Case, fault: Fault) -> None:
    """Nothing is lost, or handed out again before its lease is over, and the throughput comes back."""
    if not isinstance(case.cluster, CanShapeLinks):
        pytest.skip(f"links of {case.cluster.spec} are whole or cut")
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=100), case.consuming(orders, group="billing", lease=LEASE):
        await case.steady(seconds=1)
        before = await acknowledged(case, orders)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=4)
        await case.recovered(orders, within=30)
        after = await acknowledged(case, orders)
    await case.drained(orders)

    assert after >= 0.7 * before
    leases = [LeaseHonoured(lease=LEASE)] if case.has(Capability.LEASE) else []
    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), NoStoredDuplicates(), *leases)


async def acknowledged(case: Case, destination: Destination) -> float:
    """How many publishes are acknowledged in a second."""
    first, started = case.tally.acknowledged[destination.name], time.monotonic()
    await case.steady(seconds=MEASURED)
    return (case.tally.acknowledged[destination.name] - first) / (time.monotonic() - started)

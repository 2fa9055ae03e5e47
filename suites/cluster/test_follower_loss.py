"""D2: losing a follower interrupts nothing."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, EverythingDelivered, Fault, Isolate, Kill, NoLostMessages, Stop

ENOUGH = 100


@pytest.mark.cluster(nodes=3)
@pytest.mark.parametrize("fault", [Kill("follower"), Stop("follower"), Isolate("follower")], ids=str)
async def test_publishing_goes_on_without_a_follower(case: Case, fault: Fault) -> None:
    """While the follower is away, publishes are acknowledged all the same."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            before = case.tally.acknowledged[orders.name]

            async def progress() -> bool:
                return case.tally.acknowledged[orders.name] - before >= ENOUGH

            await case.wait_for(progress, condition=f"{ENOUGH} publishes acknowledged", within=10)
        await case.recovered(orders, within=60)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked())

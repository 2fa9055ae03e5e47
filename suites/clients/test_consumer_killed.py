"""B1: a consumer dies with unacknowledged messages in flight, and another gets them all."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, ConsumerConfig, EverythingDelivered, NoLostMessages

IN_FLIGHT = 20


@pytest.mark.cluster(nodes=(1, 3))
async def test_what_a_killed_consumer_held_goes_to_another(case: Case) -> None:
    """A consumer process is killed while it holds messages; another member is handed all of them."""
    orders = await case.destination("orders")
    config = ConsumerConfig(group="billing", lease=4.0)
    victim = case.consumer_process(orders, config, acks=False)
    await case.publish(orders, *(case.message(b"in flight") for _ in range(IN_FLIGHT)))

    async def holding() -> bool:
        return victim.delivered() >= IN_FLIGHT

    await case.wait_for(holding, condition=f"the victim holds {IN_FLIGHT} messages", within=30)
    victim.kill()

    # The victim's deliveries are in the history too, so no checker would miss the second ones.
    async with case.consuming(orders, group="billing") as [heir]:

        async def inherited() -> bool:
            return heir.received >= IN_FLIGHT

        await case.wait_for(inherited, condition=f"another is handed all {IN_FLIGHT}", within=40)
    await case.drained(orders, group="billing", within=40)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked())

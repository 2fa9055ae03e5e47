"""B2: a consumer is frozen past its lease, wakes, and acknowledges what another has by then."""

from __future__ import annotations

import pytest

from harness import Case, ConsumerConfig, EverythingDelivered, NoLostMessages

pytestmark = pytest.mark.nightly

LEASE = 2.0
HELD = 20


@pytest.mark.cluster(nodes=3, backends=("nats", "kafka", "redis"))
async def test_what_a_frozen_consumer_held_is_not_lost_when_it_wakes(case: Case) -> None:
    """Another member is handed it; the late acknowledgements take nothing from anybody."""
    orders = await case.destination("orders")
    config = ConsumerConfig(group="billing", lease=LEASE)
    zombie = case.consumer_process(orders, config)
    await case.publish(orders, *(case.message(b"before") for _ in range(HELD)))

    async def taking_part() -> bool:
        return zombie.delivered() >= HELD

    await case.wait_for(taking_part, condition=f"it was handed {HELD} messages", within=30)
    async with case.publishing(orders, rate=200):
        await case.steady(seconds=1)
        zombie.freeze()
        try:
            async with case.consuming(orders, group="billing", lease=LEASE):
                await case.steady(seconds=LEASE * 3)
                zombie.thaw()
                await case.steady(seconds=2)
        finally:
            zombie.thaw()
    zombie.kill()
    await case.drained(orders, group="billing", within=60)

    case.check(NoLostMessages(), EverythingDelivered())

"""A4: the log's order is the publish order per key, and first deliveries follow it."""

from __future__ import annotations

import pytest

from harness import Case, NoLostMessages, PerKeyOrder


@pytest.mark.cluster(nodes=(1, 3))
async def test_one_consumer_gets_each_key_in_publish_order(case: Case) -> None:
    """Two writers, several keys: each writer's messages of a key are stored and handed out in order."""
    orders = await case.destination("orders", partitions=case.partitions(3))

    async with case.consuming(orders, group="billing"), case.publishing(orders, writers=2, rate=200, keys=5):
        await case.steady(seconds=1.5)
    await case.drained(orders)

    case.check(PerKeyOrder(), NoLostMessages())

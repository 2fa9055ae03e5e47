"""E3: the connections of publishers and consumers come and go, again and again."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, EverythingDelivered, Flap, NoLostMessages, PerKeyOrder

pytestmark = pytest.mark.nightly


@pytest.mark.cluster(nodes=(1, 3))
async def test_acked_messages_survive_flapping_links(case: Case) -> None:
    """Nothing acknowledged is lost or handed out again while both links are down every other second."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(Flap("both", up=1.0, down=0.5), at=orders):
            await case.steady(seconds=6)
        await case.recovered(orders, within=30)
    await case.drained(orders)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())

"""E1 and E2: the publishers' or the consumers' connections are cut, and come back."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, EverythingDelivered, Fault, NoLostMessages, PerKeyOrder, Sever


@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.parametrize("fault", [Sever("publisher"), Sever("consumer")], ids=str)
async def test_acked_messages_survive_a_severed_link(case: Case, fault: Fault) -> None:
    """Nothing acknowledged is lost or handed out again, and both sides make progress afterwards."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=3)
        await case.recovered(orders, within=30)
    await case.drained(orders)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())

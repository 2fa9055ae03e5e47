"""D6: every node is restarted in turn, under load."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, EverythingDelivered, NoLostMessages, RollingRestart


@pytest.mark.cluster(nodes=3)
@pytest.mark.deadline(240)
async def test_nothing_acknowledged_is_lost_in_a_rolling_restart(case: Case) -> None:
    """Traffic flows from before the first node stops until after the last is back."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(RollingRestart(), at=orders):
            await case.steady(seconds=1)
        await case.recovered(orders, within=60)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked())

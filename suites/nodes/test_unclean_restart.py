"""C: the only node is stopped in good order, or killed again while it recovers."""

from __future__ import annotations

import pytest

from harness import (
    AckedStaysAcked,
    Case,
    EverythingDelivered,
    Fault,
    KillDuringRecovery,
    NoLostMessages,
    PerKeyOrder,
    Stop,
)


@pytest.mark.cluster(nodes=1)
@pytest.mark.parametrize("fault", [Stop("leader"), KillDuringRecovery("leader")], ids=str)
async def test_acked_messages_survive_stops_and_interrupted_recoveries(case: Case, fault: Fault) -> None:
    """Traffic goes on around it; nothing acknowledged is missing once the node is back."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=1)
        await case.recovered(orders, within=40)
    await case.drained(orders, within=40)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())

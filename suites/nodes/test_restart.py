"""C1: acknowledged publishes survive the crash of the only node."""

from __future__ import annotations

import pytest

from harness import (
    AckedStaysAcked,
    Case,
    EverythingDelivered,
    Fault,
    Kill,
    NoLostMessages,
    Pause,
    PerKeyOrder,
)


@pytest.mark.cluster(nodes=1)
@pytest.mark.parametrize("fault", [Kill("leader"), Pause("leader")], ids=str)
async def test_acked_messages_survive_a_node_that_goes_and_comes_back(case: Case, fault: Fault) -> None:
    """Traffic flows while the node is killed and started again, or frozen and let go on."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=2)
        await case.recovered(orders, within=60)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())

"""D1: acknowledged publishes survive losing the leader."""

from __future__ import annotations

import pytest

from harness import (
    AckedStaysAcked,
    Case,
    EverythingDelivered,
    Fault,
    Isolate,
    Kill,
    NoLostMessages,
    Pause,
    PerKeyOrder,
)


@pytest.mark.cluster(nodes=3)
@pytest.mark.deadline(240)
@pytest.mark.parametrize("fault", [Pause("leader"), Kill("leader"), Isolate("leader")], ids=str)
async def test_acked_messages_survive_leader_loss(case: Case, fault: Fault) -> None:
    """Every acknowledged message is there and delivered once the cluster has recovered."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders) as hit:
            await hit.role_moved(within=20)
            await case.steady(seconds=2)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=90)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked(), PerKeyOrder())

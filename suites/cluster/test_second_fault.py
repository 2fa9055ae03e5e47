"""F2: a second fault strikes while the cluster is getting over the first."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, Kill, NoLostMessages, Pause


@pytest.mark.cluster(nodes=3)
@pytest.mark.deadline(180)
async def test_acked_messages_survive_a_second_fault_during_recovery(case: Case) -> None:
    """The new leader freezes as soon as the killed one has been started again."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(Kill("leader"), at=orders) as hit:
            await hit.role_moved(within=20)
        async with case.fault(Pause("leader"), at=orders):
            await case.steady(seconds=2)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered())

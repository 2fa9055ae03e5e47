"""D3: a minority acknowledges nothing that the majority does not have."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, EverythingDelivered, Fault, Halves, NoLostMessages


@pytest.mark.nightly
@pytest.mark.cluster(nodes=3)
@pytest.mark.parametrize("fault", [Halves("minority"), Halves("majority")], ids=str)
@pytest.mark.deadline(180)
async def test_what_is_acknowledged_during_a_split_is_kept(case: Case, fault: Fault) -> None:
    """Publishers reach both sides all the time; what either acknowledges is there after healing."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200, writers=2), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=4)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=90)

    case.check(NoLostMessages(), EverythingDelivered(), AckedStaysAcked())

"""D7: every node is killed at once."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, Kill, NoLostMessages


@pytest.mark.cluster(nodes=3)
@pytest.mark.deadline(180)
async def test_acked_messages_survive_the_death_of_every_process(case: Case) -> None:
    """The machines live on: what was handed to their kernels is there when all have started again."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(Kill("all"), at=orders):
            await case.steady(seconds=1)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered())

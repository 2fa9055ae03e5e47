"""D3: the link to Kafka's controller is cut alone; brokers and clients go on."""

from __future__ import annotations

import pytest

from harness import Case, CutEdges, Edge, EverythingDelivered, NoLostMessages

CONTROLLERS = 9093
"""The port of the listener over which controllers and brokers talk of metadata."""
ENOUGH = 100


@pytest.mark.cluster(nodes=3, backends="kafka")
@pytest.mark.deadline(180)
async def test_publishing_goes_on_without_the_controllers_link(case: Case) -> None:
    """Nobody reaches the controller and it reaches nobody; publishes are acknowledged all the same."""
    orders = await case.destination("orders")
    edges = (Edge("others", "controller", CONTROLLERS), Edge("controller", "others", CONTROLLERS))

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(CutEdges(edges), at=orders):
            await case.steady(seconds=4)
            before = case.tally.acknowledged[orders.name]

            async def progress() -> bool:
                return case.tally.acknowledged[orders.name] - before >= ENOUGH

            await case.wait_for(progress, condition=f"{ENOUGH} publishes acknowledged", within=20)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=60)

    case.check(NoLostMessages(), EverythingDelivered())

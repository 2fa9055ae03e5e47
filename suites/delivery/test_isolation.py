"""A10: nothing crosses between destinations, or between groups."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, NoLostMessages, RightDestination


@pytest.mark.cluster(nodes=(1, 3))
async def test_nothing_crosses_between_destinations_or_groups(case: Case) -> None:
    """A group that acknowledges on one destination takes nothing from another group or destination."""
    orders = await case.destination("orders")
    returns = await case.destination("orders.returns")

    async with (
        case.publishing(orders, rate=150),
        case.publishing(returns, rate=150),
        case.consuming(orders, group="billing"),
        case.consuming(returns, group="billing"),
    ):
        await case.steady(seconds=1)
        slow = await case.subscription(orders, group="audit")
        taken = await slow.take(20, within=20)
    await case.drained(orders)
    await case.drained(returns)

    assert len({delivery.message.id for delivery in taken}) == 20
    case.check(RightDestination(), NoLostMessages(), EverythingDelivered())

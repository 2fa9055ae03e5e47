"""A2: every group sees every message."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, NoLostMessages


@pytest.mark.cluster(nodes=(1, 3))
async def test_every_group_sees_every_message(case: Case) -> None:
    """Three groups on one destination each get all of it."""
    orders = await case.destination("orders")

    async with (
        case.publishing(orders, rate=300),
        case.consuming(orders, group="billing"),
        case.consuming(orders, group="shipping"),
        case.consuming(orders, group="audit"),
    ):
        await case.steady(seconds=1)
    await case.drained(orders)

    case.check(NoLostMessages(), EverythingDelivered())

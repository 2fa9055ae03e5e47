"""A3: the members of one group share the work, and together they get all of it."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, NoLostMessages


@pytest.mark.cluster(nodes=(1, 3))
async def test_members_of_a_group_share_the_work(case: Case) -> None:
    """Of three members at least two get messages, and the union is complete."""
    orders = await case.destination("orders", partitions=case.partitions(6))

    async with (
        case.consuming(orders, group="billing", members=3) as members,
        case.publishing(orders, rate=300, keys=64),
    ):
        await case.steady(seconds=2)
    await case.drained(orders)

    assert sum(member.received > 0 for member in members) >= 2
    case.check(NoLostMessages(), EverythingDelivered())

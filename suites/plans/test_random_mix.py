"""F1: faults drawn from the case's seed, with quiet times between them."""

from __future__ import annotations

import pytest

from harness import Case, EverythingDelivered, Halves, Isolate, Kill, NoLostMessages, Pause, Sever, mix

pytestmark = pytest.mark.nightly

FAULTS = (
    Pause("leader"),
    Pause("follower"),
    Kill("leader"),
    Kill("follower"),
    Isolate("any", one_way=True),
    Halves("minority"),
    Sever("both"),
)


@pytest.mark.cluster(nodes=3)
@pytest.mark.deadline(300)
async def test_acked_messages_survive_a_mix_of_faults(case: Case) -> None:
    """Fifteen seconds of faults, one after the other, then everything acknowledged is there."""
    orders = await case.destination("orders")
    plan = mix(FAULTS, seed=case.spec.seed, seconds=15)

    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.plan(plan, at=orders) as progress:
            await progress.finished(within=120)
        await case.recovered(orders, within=90)
    await case.drained(orders, within=90)

    case.check(NoLostMessages(), EverythingDelivered())

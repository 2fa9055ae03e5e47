"""C: acknowledged publishes survive a node whose disk is full, slow or failing."""

from __future__ import annotations

import pytest

from harness import AckedStaysAcked, Case, DiskFull, Fault, NoLostMessages, PerKeyOrder, SlowFsync

pytestmark = pytest.mark.nightly


@pytest.mark.cluster(nodes=1, backends=("nats", "redis"), storage="image")
async def test_acked_messages_survive_a_full_disk(case: Case) -> None:
    """The disk is full for two seconds under traffic; what is refused was not acknowledged."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=100):
        await case.steady(seconds=1)
        async with case.fault(DiskFull("leader"), at=orders):
            await case.steady(seconds=2)
        case.cluster.kill("n1")
        case.cluster.start("n1")
        await case.recovered(orders, within=30)
    await case.drained(orders)

    case.check(NoLostMessages(), PerKeyOrder())


@pytest.mark.cluster(nodes=1, backends="redis")
@pytest.mark.parametrize("fault", [SlowFsync("leader", milliseconds=300)], ids=str)
async def test_acked_messages_survive_slow_syncs(case: Case, fault: Fault) -> None:
    """Every sync takes longer while traffic flows; nothing dies, so that nothing may be lost."""
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=100), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=3)
        await case.recovered(orders, within=30)
    await case.drained(orders)

    case.check(NoLostMessages(), AckedStaysAcked(), PerKeyOrder())

"""A full disk refuses writes, and syncs are delayed or fail, by the word of others than the node."""

from __future__ import annotations

import pytest

from harness import CanTamperWithCalls, Case, DiskFull, FailFsync, HasDisks, SlowFsync

pytestmark = pytest.mark.nightly


@pytest.mark.cluster(nodes=1, backends=("nats", "redis"), storage="image")
async def test_a_full_disk_refuses_a_write_and_takes_it_after_healing(case: Case) -> None:
    """A file beside the node's data cannot be written while the disk is full, and can be afterwards."""
    assert isinstance(case.cluster, HasDisks)
    orders = await case.destination("orders")
    assert not case.cluster.write_refused("n1")

    async with case.publishing(orders, rate=20), case.fault(DiskFull("n1"), at=orders):
        await case.steady(seconds=0.5)
        assert "No space left" in case.cluster.write_refused("n1")

    assert not case.cluster.write_refused("n1")


@pytest.mark.cluster(nodes=1, backends="redis")
@pytest.mark.parametrize("fault", [SlowFsync("n1", milliseconds=100), FailFsync("n1")], ids=str)
async def test_syncs_are_hit_and_left_alone_after_healing(case: Case, fault: SlowFsync | FailFsync) -> None:
    """Redis syncs once a second; the tracer counts what it hits, and is gone when the fault is healed."""
    assert isinstance(case.cluster, CanTamperWithCalls)
    orders = await case.destination("orders")

    async with case.publishing(orders, rate=20), case.fault(fault, at=orders):
        assert case.cluster.tampered("n1") > 0

    assert case.cluster.tampered("n1") == 0

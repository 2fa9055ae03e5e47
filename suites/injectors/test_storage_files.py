"""Files of a stopped node are changed as asked, seen by reading them again, and shares are given back."""

from __future__ import annotations

import pytest

from harness import BitFlip, CanTighten, Case, Fault, RollBack, TightenCpu, TightenMemory, Truncate

pytestmark = pytest.mark.nightly

LOG = "appendonlydir/*.incr.aof"


@pytest.mark.cluster(nodes=1, backends="redis")
@pytest.mark.parametrize(
    "fault", [Truncate(LOG, "n1", size=20), RollBack(LOG, "n1"), BitFlip(LOG, "n1")], ids=str
)
async def test_files_of_a_stopped_node_are_changed(case: Case, fault: Fault) -> None:
    """The append-only file is shortened, replaced or flipped; the case fails unless that was seen."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        await case.steady(seconds=0.5)
        async with case.fault(fault, at=orders):
            await case.steady(seconds=0.2)


@pytest.mark.cluster(nodes=1)
@pytest.mark.parametrize("fault", [TightenCpu("n1", 0.02), TightenMemory("n1", 512)], ids=str)
async def test_a_share_is_tightened_and_given_back(case: Case, fault: Fault) -> None:
    """The kernel throttles or limits the node under traffic; afterwards its share is what it was."""
    assert isinstance(case.cluster, CanTighten)
    orders = await case.destination("orders")
    before = case.cluster.share("n1")

    async with case.publishing(orders, rate=100), case.fault(fault, at=orders):
        assert case.cluster.share("n1") != before

    assert case.cluster.share("n1") == before

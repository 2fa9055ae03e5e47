"""Stops, interrupted recoveries and rolling restarts, on the simulated cluster."""

from __future__ import annotations

import random

import pytest

from harness.backends.memory import MemoryBackend
from harness.backends.memory.cluster import MemoryCluster
from harness.faults import Field, KillDuringRecovery, RollingRestart, Stop, TransferLeadership
from harness.model.cluster import ClusterSpec
from harness.model.destination import Destination
from harness.model.errors import BadOption, DeadlineExceeded, NothingToTarget

pytestmark = pytest.mark.anyio

ORDERS = Destination("orders", replicas=3)


@pytest.fixture
def cluster() -> MemoryCluster:
    started = MemoryBackend(election=0.01).start(ClusterSpec("memory", "1", 3, "r3"), "tests")
    started.create(ORDERS)
    return started


@pytest.fixture
def field(cluster: MemoryCluster) -> Field:
    return Field(cluster, MemoryBackend().observer(cluster), ORDERS, random.Random(1))


async def test_a_stopped_node_was_not_killed_and_runs_again_after_healing(
    field: Field, cluster: MemoryCluster
) -> None:
    """A graceful end is told from a crash, which claims may depend on."""
    hit = await Stop("follower").inject(field)
    assert not cluster.state(hit.nodes[0]).running
    assert not cluster.state(hit.nodes[0]).killed
    assert await Stop("follower").verify(field, hit)
    await Stop("follower").heal(field, hit)
    assert cluster.state(hit.nodes[0]).running


async def test_an_interrupted_recovery_ends_with_the_node_down(field: Field, cluster: MemoryCluster) -> None:
    """It was started in between, and what ended it is a kill."""
    fault = KillDuringRecovery("leader", after=0)
    hit = await fault.inject(field)
    assert cluster.state(hit.nodes[0]).killed
    ends = [
        line for line in cluster.log(hit.nodes[0]).splitlines() if line.split()[-1] in {"killed", "started"}
    ]
    assert [line.split()[-1] for line in ends] == ["killed", "started", "killed"]
    await fault.heal(field, hit)
    assert cluster.state(hit.nodes[0]).running


async def test_a_rolling_restart_stops_and_starts_each_node_once(
    field: Field, cluster: MemoryCluster
) -> None:
    """One after the other, and nobody is down at the end."""
    fault = RollingRestart()
    hit = await fault.inject(field)
    for node in cluster.nodes:
        said = [line.split()[-1] for line in cluster.log(node).splitlines()]
        assert [word for word in said if word in {"stopped", "started"}] == ["stopped", "started"]
    assert await fault.verify(field, hit)


async def test_a_node_that_does_not_come_back_ends_the_rolling(
    field: Field, cluster: MemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the node, and no other is stopped after it."""
    monkeypatch.setattr(cluster, "start", cluster.state)
    with pytest.raises(DeadlineExceeded, match="whole after n1 was started"):
        await RollingRestart(whole_within=0.1).inject(field)
    assert cluster.state("n2").running


async def test_a_broker_without_the_command_hands_nothing_over(field: Field) -> None:
    """The simulated one has none."""
    with pytest.raises(NothingToTarget, match="able to hand over"):
        await TransferLeadership().inject(field)


async def test_times_that_cannot_be_are_refused() -> None:
    """No negative delay, no grace beyond what an injection is given."""
    with pytest.raises(BadOption):
        KillDuringRecovery(after=-1)
    with pytest.raises(BadOption):
        Stop(grace=60)
    with pytest.raises(BadOption):
        RollingRestart(whole_within=0)

"""Process faults do to processes what they say, as the engine and the protocol tell."""

from __future__ import annotations

import pytest

from harness import Case, Kill, KillDuringRecovery, NoLostMessages, RollingRestart, Stop, TransferLeadership

pytestmark = [pytest.mark.cluster(nodes=3), pytest.mark.nightly]


async def test_a_stopped_node_has_ended_in_good_order(case: Case) -> None:
    """It does not run and was not killed; a killed one was."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(Stop("follower"), at=orders) as hit:
            [node] = hit.nodes
            state = case.cluster.state(node)
            assert (state.running, state.killed) == (False, False)
        await case.recovered(orders, within=60)
        async with case.fault(Kill("follower"), at=orders) as hit:
            [node] = hit.nodes
            state = case.cluster.state(node)
            assert (state.running, state.killed) == (False, True)
        await case.recovered(orders, within=60)
    case.check()


async def test_a_node_killed_while_it_recovers_is_down_until_healed(case: Case) -> None:
    """It was started once in between, and runs again afterwards."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(KillDuringRecovery("follower"), at=orders) as hit:
            [node] = hit.nodes
            assert case.cluster.state(node).killed
        assert case.cluster.state(node).running
        await case.recovered(orders, within=60)
    case.check()


@pytest.mark.cluster(nodes=3, backends=("nats", "redis"))
async def test_leadership_goes_to_another_node(case: Case) -> None:
    """The broker's own command moves the leader, and no node goes down for it."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50), case.consuming(orders, group="billing"):
        async with case.fault(TransferLeadership(), at=orders) as hit:
            await hit.role_moved(within=20)
            assert all(case.cluster.state(node).running for node in case.cluster.nodes)
        await case.recovered(orders, within=60)
    await case.drained(orders)
    case.check(NoLostMessages())


@pytest.mark.deadline(240)
async def test_every_node_is_restarted(case: Case) -> None:
    """All of them were hit, and the cluster is whole when the rolling is over."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=50):
        async with case.fault(RollingRestart(), at=orders) as hit:
            assert hit.nodes == case.cluster.nodes
            await case.steady(seconds=0.5)
        await case.recovered(orders, within=60)
    case.check()

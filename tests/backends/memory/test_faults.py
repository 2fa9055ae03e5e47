"""The simulated faults bite as real ones do, and leave nothing behind once healed."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest
from anyio import to_thread

from harness.backends.memory.client import MemoryClient
from harness.backends.memory.errors import ConnectionCut, NoAnswer, NoLeader, Refused
from harness.faults import Fault, Field, Isolate, Kill, Pause, Sever
from harness.history.records import Function
from harness.model.cluster import Edge, NodeState
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.link import Link
from harness.model.message import Message
from harness.model.outcome import Outcome
from harness.waits import wait_for_condition
from tests.backends.memory.conftest import World

pytestmark = pytest.mark.anyio

ORDERS = Destination("orders", replicas=3)
SINGLE = Destination("single", replicas=1)
BILLING = ConsumerConfig("billing", lease=0.2)


async def leader(world: World, destination: Destination = ORDERS) -> str:
    """Who leads the destination now."""
    return (await world.observer.leaders(destination))[0]


async def moved(world: World, old: str) -> str:
    """Who leads it once it is not ``old``."""

    async def other() -> str:
        now = await leader(world)
        return now if now != old else ""

    return await wait_for_condition(other, condition="another leader", within=5.0)


async def stored(world: World, destination: Destination = ORDERS) -> list[str]:
    """The ids in the log."""
    admin = await world.client(Link.ADMIN, "reader")
    return [each.message.id for each in await admin.read_log(destination)]


async def outcome(
    world: World, client: MemoryClient, message: str, destination: Destination = ORDERS
) -> Outcome:
    """How a publish of the message ends within 50 ms."""
    try:
        await client.publish(destination, Message(message), 0.05)
    except Exception as error:  # noqa: BLE001 - classified, as a workload does
        return world.backend.classify(Function.PUBLISH, error)
    return Outcome.OK


def isolation(node: str) -> list[Edge]:
    """Every edge between the node and the others, in both directions."""
    others = [other for other in ("n1", "n2", "n3") if other != node]
    return [Edge(node, other) for other in others] + [Edge(other, node) for other in others]


async def test_a_publish_to_a_paused_leader_is_unknown_and_applied_later(world: World) -> None:
    """The request hangs to its timeout, and is carried out when the node goes on."""
    await world.destination(ORDERS)
    client, old = await world.client(), await leader(world)
    assert await outcome(world, client, "before") is Outcome.OK
    world.cluster.pause(old)
    assert await outcome(world, client, "late") is Outcome.INFO
    assert await moved(world, old) != ""
    assert await outcome(world, client, "after") is Outcome.OK
    assert await stored(world) == ["before", "after"]
    world.cluster.unpause(old)
    assert await stored(world) == ["before", "after", "late"]


async def test_a_request_outlives_a_pause_shorter_than_its_timeout(world: World) -> None:
    """Controls come from threads while the client waits in the event loop."""
    await world.destination(SINGLE)
    client, node = await world.client(), await leader(world, SINGLE)
    await to_thread.run_sync(world.cluster.pause, node)
    publish = asyncio.create_task(client.publish(SINGLE, Message("p-1"), 30.0))
    await world.something_waits()
    assert not publish.done()
    await to_thread.run_sync(world.cluster.unpause, node)
    assert (await asyncio.wait_for(publish, 5.0)).position.major == 1


async def test_a_killed_leader_refuses_then_another_leads(world: World) -> None:
    """Refusals are definite and immediate; everything acknowledged is still there."""
    await world.destination(ORDERS)
    client, old = await world.client(), await leader(world)
    assert await outcome(world, client, "before") is Outcome.OK
    world.cluster.kill(old)
    assert await outcome(world, client, "refused") is Outcome.FAIL
    await moved(world, old)
    assert await outcome(world, client, "after") is Outcome.OK
    world.cluster.start(old)
    assert await stored(world) == ["before", "after"]
    assert world.cluster.state(old) == NodeState(running=True, paused=False)


async def test_killing_every_node_loses_nothing(world: World) -> None:
    """Logs, groups, leases and attempts are there when they run again."""
    await world.destination(ORDERS)
    client, member = await world.client(), await world.member(ORDERS, BILLING)
    for name in ("a", "b"):
        await client.publish(ORDERS, Message(name), 1.0)
    settled, _ = await member.receive(2, 1.0)
    await member.ack(settled)
    for node in world.cluster.nodes:
        world.cluster.kill(node)
    with pytest.raises(Refused):
        await world.observer.leaders(ORDERS)
    world.cluster.heal()
    assert await stored(world) == ["a", "b"]
    (again,) = await member.receive(2, 5.0)
    assert (again.message.id, again.attempt) == ("b", 2)


async def test_a_kill_ends_what_waits_at_the_node_as_unknown(world: World) -> None:
    """A publish that hung at a paused node is lost with it, which its client cannot know."""
    await world.destination(SINGLE)
    client, node = await world.client(), await leader(world, SINGLE)
    world.cluster.pause(node)
    publish = asyncio.create_task(client.publish(SINGLE, Message("gone"), 30.0))
    await world.something_waits()
    world.cluster.kill(node)
    with pytest.raises(ConnectionCut) as cut:
        await asyncio.wait_for(publish, 5.0)
    assert world.backend.classify(Function.PUBLISH, cut.value) is Outcome.INFO
    world.cluster.heal()
    assert await stored(world, SINGLE) == []


async def test_the_only_copy_is_gone_while_its_node_is(world: World) -> None:
    """No other node takes over: no leader, a definite refusal, and all is back with the node."""
    await world.destination(SINGLE)
    client, node = await world.client(), await leader(world, SINGLE)
    assert await outcome(world, client, "before", SINGLE) is Outcome.OK
    world.cluster.kill(node)
    assert await outcome(world, client, "first", SINGLE) is Outcome.FAIL
    await wait_for_condition(
        lambda: leader(world, SINGLE), condition="no leader", within=5.0, until=lambda name: not name
    )
    with pytest.raises(NoLeader):
        await client.publish(SINGLE, Message("second"), 1.0)
    world.cluster.start(node)
    assert await stored(world, SINGLE) == ["before"]


async def test_a_graceful_stop_hands_over_without_an_election(world: World) -> None:
    """The very next request is answered by another leader."""
    await world.destination(ORDERS)
    old = await leader(world)
    world.cluster.stop(old)
    assert await leader(world) not in {old, ""}
    assert await outcome(world, await world.client(), "after") is Outcome.OK


async def test_an_isolated_leader_acknowledges_nothing(world: World) -> None:
    """Its clients hang, the other side goes on, and what hung is carried out after healing."""
    await world.destination(ORDERS)
    client, old = await world.client(), await leader(world)
    assert await outcome(world, client, "before") is Outcome.OK
    world.cluster.cut(isolation(old))
    assert await outcome(world, client, "minority") is Outcome.INFO
    await moved(world, old)
    assert await outcome(world, client, "majority") is Outcome.OK
    assert await stored(world) == ["before", "majority"]
    world.cluster.mend(isolation(old))
    assert await stored(world) == ["before", "majority", "minority"]


async def test_a_one_way_cut_costs_the_leader_its_majority_too(world: World) -> None:
    """Who is not heard cannot replicate, though it hears the others."""
    await world.destination(ORDERS)
    old = await leader(world)
    world.cluster.cut([edge for edge in isolation(old) if edge.source == old])
    assert await moved(world, old) != ""
    assert len(await world.observer.peers_seen_alive(old)) == 2


async def test_losing_a_follower_interrupts_nothing(world: World) -> None:
    """Publishing goes on; the replica is behind until it is back."""
    await world.destination(ORDERS)
    client, old = await world.client(), await leader(world)
    follower = next(node for node in world.cluster.nodes if node != old)
    world.cluster.pause(follower)
    assert await outcome(world, client, "during") is Outcome.OK
    assert await leader(world) == old
    assert not await world.observer.replicas_in_sync(ORDERS)
    assert follower in await world.observer.not_ready()
    world.cluster.heal()
    assert await world.observer.replicas_in_sync(ORDERS)
    assert await world.observer.not_ready() == ""


async def test_the_first_publish_over_a_severed_link_loses_its_answer(world: World) -> None:
    """It was carried out, which its client cannot know; what follows is refused and never sent."""
    await world.destination(ORDERS)
    client = await world.client()
    assert await outcome(world, client, "before") is Outcome.OK
    world.cluster.sever(Link.PUBLISHER, world.cluster.nodes)
    assert not client.is_connected
    assert await outcome(world, client, "crossed") is Outcome.INFO
    assert await outcome(world, client, "refused") is Outcome.FAIL
    world.cluster.restore(Link.PUBLISHER, world.cluster.nodes)
    assert await outcome(world, client, "after") is Outcome.OK
    assert await stored(world) == ["before", "crossed", "after"]


async def test_a_severed_consumer_loses_what_it_was_just_handed_until_the_lease_is_over(
    world: World,
) -> None:
    """Its waiting poll breaks and is still served; the messages come back as attempt two."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    poll = asyncio.create_task(member.receive(10, 30.0))
    await world.something_waits()
    world.cluster.sever(Link.CONSUMER, world.cluster.nodes)
    with pytest.raises(ConnectionCut):
        await asyncio.wait_for(poll, 5.0)
    assert await outcome(world, publisher, "p-1") is Outcome.OK
    with pytest.raises(Refused):
        await member.receive(1, 0.05)
    world.cluster.restore(Link.CONSUMER, world.cluster.nodes)
    (delivery,) = await member.receive(1, 5.0)
    assert (delivery.message.id, delivery.attempt) == ("p-1", 2)


async def test_links_are_severed_apart(world: World) -> None:
    """Cutting publishers leaves consumers and our own observations alone."""
    await world.destination(ORDERS)
    member = await world.member(ORDERS, BILLING)
    world.cluster.sever(Link.PUBLISHER, world.cluster.nodes)
    assert await member.receive(1, 0.01) == ()
    assert not await world.observer.answers("n1", Link.PUBLISHER)
    assert await world.observer.answers("n1", Link.CONSUMER)
    assert await world.observer.answers("n1")


async def test_empty_is_not_gone(world: World) -> None:
    """A receive from a leader that froze raises, however patiently it waited."""
    await world.destination(SINGLE)
    member = await world.member(SINGLE, BILLING)
    world.cluster.pause(await leader(world, SINGLE))
    with pytest.raises(NoAnswer, match=r"within 0\.05 s"):
        await member.receive(1, 0.05)


async def test_nobody_connects_to_frozen_or_dead_nodes(world: World) -> None:
    """Frozen ones give no answer, dead ones refuse; the observer says the same of a node."""
    for node in world.cluster.nodes:
        world.cluster.pause(node)
    with pytest.raises(NoAnswer):
        await world.client()
    with pytest.raises(NoAnswer):
        await world.observer.peers_seen_alive("n1")
    world.cluster.remove()
    with pytest.raises(Refused):
        await world.client()


async def test_controls_are_idempotent_and_logged(world: World) -> None:
    """Twice is once; a node's log tells what happened to it."""
    for control in (world.cluster.pause, world.cluster.unpause, world.cluster.kill, world.cluster.start):
        control("n1")
        control("n1")
    assert world.cluster.state("n1") == NodeState(running=True, paused=False)
    assert [line.split()[-1] for line in world.cluster.log("n1", lines=2).splitlines()] == ["started"] * 2
    assert "killed" in world.cluster.log("n1")
    assert world.cluster.log("n1", since=4e9) == ""


@pytest.mark.parametrize(
    "fault",
    [Pause("leader"), Kill("leader"), Kill("follower"), Isolate("leader"), Isolate("leader", one_way=True)],
    ids=str,
)
async def test_the_harness_sees_its_faults_bite(world: World, fault: Fault) -> None:
    """Each is verified by its own observation, reacted to, and healed without trace."""
    await world.destination(ORDERS)
    field = Field(world.cluster, world.observer, ORDERS, random.Random(1))
    hit = await fault.inject(field)
    for look in (fault.verify, fault.reacted):
        await wait_for_condition(partial(look, field, hit), condition=f"{fault} seen", within=5.0)
    await fault.heal(field, hit)
    await wait_for_condition(
        world.observer.not_ready, condition="whole", within=5.0, until=lambda lacking: not lacking
    )


async def test_a_severed_link_is_seen_to_bite(world: World) -> None:
    """Nodes answer over the admin link and not over the severed one, until it is healed."""
    await world.destination(ORDERS)
    fault, field = Sever("both"), Field(world.cluster, world.observer, ORDERS, random.Random(1))
    hit = await fault.inject(field)
    assert await fault.verify(field, hit) != ""
    await fault.heal(field, hit)
    assert await fault.verify(field, hit) == ""

"""The contract, on a healthy cluster: what one client or subscription does and refuses."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.backends.memory import BACKEND
from harness.backends.memory.errors import ClientClosed, LeaseLost, NotEnoughNodes, UnknownDestination
from harness.history.records import Function
from harness.model.capability import Capability
from harness.model.claim import Guarantee, Promise
from harness.model.cluster import ClusterSpec
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import BadOption, UnknownName
from harness.model.link import Link
from harness.model.message import Message
from harness.model.outcome import Outcome
from tests.backends.memory.conftest import World

pytestmark = pytest.mark.anyio

DEAD = Destination("orders.dead", replicas=3)
ORDERS = Destination("orders", replicas=3, dead_letter=DEAD)
BILLING = ConsumerConfig("billing", lease=0.1, max_deliver=3)


async def test_a_message_makes_the_round_trip(world: World) -> None:
    """What one client publishes another receives and settles."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    receipt = await publisher.publish(ORDERS, Message("p-1", b"\0", b"k", {"h": "1"}), 1.0)
    (delivery,) = await member.receive(10, 1.0)
    assert delivery.message == Message("p-1", b"\0", b"k", {"h": "1"})
    assert (delivery.position, delivery.attempt) == (receipt.position, 1)
    assert await member.ack(delivery)
    assert await publisher.backlog(ORDERS, "billing") == Backlog(lag=0, pending=0, position=1)
    assert [stored.message.id for stored in await publisher.read_log(ORDERS)] == ["p-1"]


async def test_a_receive_waits_for_a_message(world: World) -> None:
    """It returns when there is one, long before its timeout, and empty at its timeout otherwise."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    assert await member.receive(1, 0.02) == ()
    waiting = asyncio.create_task(member.receive(1, 30.0))
    await world.something_waits()
    await publisher.publish(ORDERS, Message("p-1"), 1.0)
    (delivery,) = await asyncio.wait_for(waiting, 5.0)
    assert delivery.message.id == "p-1"


async def test_a_waiting_receive_is_woken_by_the_end_of_a_lease(world: World) -> None:
    """No new message and no other client is needed for a redelivery, which is not early."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    await publisher.publish(ORDERS, Message("p-1"), 1.0)
    begun = time.monotonic()
    await member.receive(1, 1.0)
    (again,) = await member.receive(1, 30.0)
    assert again.attempt == 2
    assert BILLING.lease <= time.monotonic() - begun < 10.0


async def test_a_waiting_receive_is_woken_by_a_shorter_rest(world: World) -> None:
    """A delay given while it waits counts, though it waited for something later before."""
    await world.destination(ORDERS)
    publisher = await world.client()
    slow = ConsumerConfig("billing", lease=60.0)
    one, other = await world.member(ORDERS, slow), await world.member(ORDERS, slow)
    await publisher.publish(ORDERS, Message("p-1"), 1.0)
    (delivery,) = await one.receive(1, 1.0)
    waiting = asyncio.create_task(other.receive(1, 30.0))
    await world.something_waits()
    await one.nak(delivery, 0.05)
    (again,) = await asyncio.wait_for(waiting, 5.0)
    assert again.attempt == 2


async def test_settling_has_its_effects(world: World) -> None:
    """Given back it returns, extended it stays, rejected it is dead, and a lost lease is refused."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    await publisher.publish(ORDERS, Message("p-1"), 1.0)
    (first,) = await member.receive(1, 1.0)
    await member.nak(first)
    with pytest.raises(LeaseLost):
        await member.extend(first)
    (second,) = await member.receive(1, 1.0)
    await member.extend(second)
    assert await member.reject(second)
    assert [stored.message.id for stored in await publisher.read_log(DEAD)] == ["p-1"]
    assert await member.receive(1, 0.01) == ()


async def test_a_cancelled_receive_takes_nothing(world: World) -> None:
    """A message published after the cancellation goes to somebody who is there, as attempt one."""
    await world.destination(ORDERS)
    publisher, member = await world.client(), await world.member(ORDERS, BILLING)
    waiting = asyncio.create_task(member.receive(1, 30.0))
    await world.something_waits()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await publisher.publish(ORDERS, Message("p-1"), 1.0)
    (delivery,) = await member.receive(1, 1.0)
    assert delivery.attempt == 1


async def test_a_closed_subscription_and_a_closed_client_say_so(world: World) -> None:
    """What waits ends, what is asked afterwards is refused as never sent, and closing twice is fine."""
    await world.destination(ORDERS)
    member = await world.member(ORDERS, BILLING)
    waiting = asyncio.create_task(member.receive(1, 30.0))
    await world.something_waits()
    await member.close()
    with pytest.raises(ClientClosed):
        await asyncio.wait_for(waiting, 5.0)
    with pytest.raises(ClientClosed):
        await member.receive(1, 1.0)
    client = await world.client()
    before = client.is_connected
    await client.disconnect()
    await client.disconnect()
    assert (before, client.is_connected) == (True, False)
    with pytest.raises(ClientClosed) as refused:
        await client.publish(ORDERS, Message("p-1"), 1.0)
    assert BACKEND.classify(Function.PUBLISH, refused.value) is Outcome.FAIL


async def test_bad_use_is_a_definite_failure(world: World) -> None:
    """An unknown destination, too many replicas and a limit of nothing are named at once."""
    client = await world.client()
    with pytest.raises(UnknownDestination, match="'nowhere'"):
        await client.publish(Destination("nowhere"), Message("p-1"), 1.0)
    with pytest.raises(NotEnoughNodes, match="4 replicas and 3 nodes"):
        await client.create_destination(Destination("wide", replicas=4))
    await world.destination(ORDERS)
    with pytest.raises(BadOption, match="limit"):
        await (await world.member(ORDERS, BILLING)).receive(0, 1.0)


async def test_two_thousand_messages_wait_for_a_late_group(world: World) -> None:
    """A group that joins afterwards gets them all, in order."""
    await world.destination(ORDERS)
    publisher = await world.client()
    for number in range(2_000):
        await publisher.publish(ORDERS, Message(f"p-{number}"), 1.0)
    member = await world.member(ORDERS, ConsumerConfig("late"))
    seen: list[str] = []
    while batch := await member.receive(1000, 0.0):
        seen += [delivery.message.id for delivery in batch]
        for delivery in batch:
            await member.ack(delivery)
    assert seen == [f"p-{number}" for number in range(2_000)]


def test_a_cluster_that_cannot_be_is_refused() -> None:
    """A count of nodes or a tier that the backend does not have is named with what it has."""
    with pytest.raises(BadOption, match="nodes: 2"):
        BACKEND.start(ClusterSpec("memory", "1", 2, "r1"), "tests", "")
    with pytest.raises(UnknownName, match="tier 'r3'"):
        BACKEND.start(ClusterSpec("memory", "1", 1, "r3"), "tests", "")


def test_everything_is_claimed_and_promised() -> None:
    """The reference can do all there is to do, and promises each guarantee without a condition."""
    assert BACKEND.capabilities == frozenset(Capability)
    assert {claim.guarantee for claim in BACKEND.claims} == set(Guarantee)
    assert all(claim.promise is Promise.PROMISED and not claim.condition for claim in BACKEND.claims)
    assert BACKEND.tiers(1) == ("r1",)
    assert BACKEND.tiers(3) == ("r3", "r1")


def test_links_have_no_address_of_this_machine(world: World) -> None:
    """Nothing listens: the endpoint is loopback and port 0; an unknown node is refused."""
    assert str(world.cluster.endpoint("n1", Link.PUBLISHER)) == "127.0.0.1:0"
    with pytest.raises(UnknownName, match="node 'n4'"):
        world.cluster.endpoint("n4", Link.PUBLISHER)

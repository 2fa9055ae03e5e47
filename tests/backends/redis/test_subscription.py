"""A member of a group: how it reads, settles, loses its group and leaves."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from redis.exceptions import RedisError, ResponseError

from harness.backends.redis import BACKEND, subscription
from harness.backends.redis.errors import LeaseLost
from harness.backends.redis.subscription import RedisSubscription
from harness.model.consumer import AckPolicy, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.link import Link
from harness.model.message import Delivery, Message, Position

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders", dead_letter=Destination("t.dead"))
FIELDS = [b"harness-message-id", b"p-1", b"key", b"", b"payload", b"x"]
NEW = [[b"t:orders", [[b"1-0", FIELDS]]]]
NOTHING_DUE = [[], 1000]
NO_GROUP = Exception("NOGROUP No such key 't:orders' or consumer group 'g'")


def delivery(attempt: int = 1) -> Delivery:
    return Delivery(Message("p-1"), Position(0, 1), "t:orders", attempt, b"1-0")


async def member(stage: Any, server: Any, **config: Any) -> tuple[Any, RedisSubscription]:
    """A client, and its subscription to a group that the server is ready to create."""
    server.answers["XGROUP"] = lambda _: "OK"
    client = BACKEND.client(await stage.start(server), Link.CONSUMER, "c")
    joined = await client.subscribe(ORDERS, ConsumerConfig("g", **config))
    assert isinstance(joined, RedisSubscription)
    return client, joined


async def test_new_entry_is_a_first_attempt(stage: Any) -> None:
    """The delivery carries the message, its place and its destination."""
    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=lambda _: NEW)
    client, joined = await member(stage, server)
    (got,) = await joined.receive(10, 1.0)
    await client.disconnect()
    assert (got.message.id, got.message.payload) == ("p-1", b"x")
    assert (got.position, got.destination, got.attempt) == (Position(0, 1), "t.orders", 1)


async def test_redelivery_comes_first_with_its_count(stage: Any) -> None:
    """What the sweep has claimed is returned without a blocking read that could lose it."""
    server = stage.server(EVAL=lambda _: [[[b"1-0", FIELDS, 4]], 999])
    client, joined = await member(stage, server)
    (got,) = await joined.receive(10, 1.0)
    await client.disconnect()
    assert got.attempt == 4
    assert not server.sent("XREADGROUP")


async def test_read_never_blocks_for_ever(stage: Any) -> None:
    """BLOCK 0 means without end, so no time left means no BLOCK at all."""
    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=lambda _: None)
    client, joined = await member(stage, server)
    assert await joined.receive(10, 0.0) == []
    assert await joined.receive(10, 0.03) == []
    await client.disconnect()
    first, *rest = server.sent("XREADGROUP")
    assert b"BLOCK" not in first
    blocks = [int(command[command.index(b"BLOCK") + 1]) for command in rest if b"BLOCK" in command]
    assert blocks
    assert min(blocks) > 0


async def test_empty_is_not_gone(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent server raises, soon after the time to wait, instead of looking like no messages."""
    monkeypatch.setattr(subscription, "GRACE", 0.05)
    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=lambda _: stage.SILENCE)
    client, joined = await member(stage, server)
    began = time.monotonic()
    with pytest.raises(Exception, match="no reply to XREADGROUP"):
        await joined.receive(10, 0.05)
    await client.disconnect()
    assert time.monotonic() - began < 1.0


async def test_cancelled_read_leaves_no_half_read_connection(stage: Any) -> None:
    """The next read must not take the answer to the cancelled one for its own."""
    arrived = asyncio.Event()

    def silent_at_first(_: list[bytes]) -> Any:
        first = not arrived.is_set()
        arrived.set()
        return stage.SILENCE if first else NEW

    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=silent_at_first)
    client, joined = await member(stage, server)
    reading = asyncio.create_task(joined.receive(10, 5.0))
    await arrived.wait()
    before = server.connections
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(await joined.receive(10, 1.0)) == 1
    await client.disconnect()
    assert server.connections == before + 1


async def test_lost_group_is_reported_once_and_made_again_where_it_began(stage: Any) -> None:
    """After a failover without the group, nothing is skipped and nothing is hidden."""
    replies = iter([NO_GROUP, NOTHING_DUE])
    server = stage.server(EVAL=lambda _: next(replies), XREADGROUP=lambda _: NEW)
    client, joined = await member(stage, server)
    with pytest.raises(ResponseError, match="NOGROUP"):
        await joined.receive(10, 1.0)
    assert len(server.sent("XGROUP")) == 1
    assert len(await joined.receive(10, 1.0)) == 1
    await client.disconnect()
    assert server.sent("XGROUP")[1] == [b"XGROUP", b"CREATE", b"t:orders", b"g", b"0-0"]


async def test_small_in_flight_limit_is_kept_by_the_server(stage: Any) -> None:
    """Below the threshold new entries are read inside the script, which sees all members."""
    server = stage.server(EVAL=lambda _: [[], 0])
    client, joined = await member(stage, server, in_flight=3)
    assert await joined.receive(10, 0.03) == []
    await client.disconnect()
    assert all(command[-2:] == [b"3", b"1"] for command in server.sent("EVAL"))
    assert not server.sent("XREADGROUP")


async def test_large_in_flight_limit_caps_each_read(stage: Any) -> None:
    """A member asks for no more than there was room for when it looked last."""
    server = stage.server(EVAL=lambda _: [[], 2], XREADGROUP=lambda _: NEW)
    client, joined = await member(stage, server, in_flight=100)
    await joined.receive(10, 1.0)
    await client.disconnect()
    (read,) = server.sent("XREADGROUP")
    assert read[read.index(b"COUNT") + 1] == b"2"


@pytest.mark.parametrize("act", ["nak", "extend", "reject"])
async def test_delivery_of_another_cannot_be_moved(stage: Any, act: str) -> None:
    """A late nak must not take the message away from whoever has it now."""
    server = stage.server(EVAL=lambda _: 0)
    client, joined = await member(stage, server)
    with pytest.raises(LeaseLost):
        await getattr(joined, act)(delivery())
    await client.disconnect()


async def test_nak_sets_the_idle_time_that_is_left(stage: Any) -> None:
    """A delay is what is missing to a lease; without one the entry is due at once."""
    server = stage.server(EVAL=lambda _: 1)
    client, joined = await member(stage, server, lease=10.0)
    await joined.nak(delivery())
    await joined.nak(delivery(2), delay=4.0)
    await joined.extend(delivery(3))
    await client.disconnect()
    assert [command[-2:] for command in server.sent("EVAL")] == [
        [b"1", b"10000"],
        [b"2", b"6000"],
        [b"3", b"0"],
    ]


async def test_delay_beyond_the_lease_is_refused(stage: Any) -> None:
    """An entry's idle time cannot be negative."""
    client, joined = await member(stage, stage.server(), lease=1.0)
    with pytest.raises(BadOption, match="at most the lease"):
        await joined.nak(delivery(), delay=1.5)
    await client.disconnect()


async def test_double_ack_is_no_error(stage: Any) -> None:
    """Redis answers 0 to the second, and leaves everything as it is."""
    counts = iter([1, 0])
    server = stage.server(XACK=lambda _: next(counts))
    client, joined = await member(stage, server)
    assert await joined.ack(delivery())
    assert await joined.ack(delivery())
    await client.disconnect()
    assert server.sent("XACK") == [[b"XACK", b"t:orders", b"g", b"1-0"]] * 2


async def test_without_acks_nothing_stays_pending(stage: Any) -> None:
    """Policy ``none`` reads with NOACK, sweeps nothing and settles nothing."""
    server = stage.server(XREADGROUP=lambda _: NEW)
    client, joined = await member(stage, server, ack_policy=AckPolicy.NONE)
    (got,) = await joined.receive(10, 1.0)
    assert not await joined.ack(got)
    await client.disconnect()
    assert b"NOACK" in server.sent("XREADGROUP")[0]
    assert not server.sent("EVAL", "XACK")


async def test_leaving_a_silent_server_is_bounded(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither closing a subscription nor disconnecting waits long for a frozen broker, or raises."""
    monkeypatch.setattr(subscription, "LEAVE", 0.05)
    server = stage.server(EVAL=lambda _: stage.SILENCE)
    client, joined = await member(stage, server)
    began = time.monotonic()
    await joined.close()
    await client.disconnect()
    assert time.monotonic() - began < 1.0


async def test_closing_ends_a_read_that_is_under_way(stage: Any) -> None:
    """The reader is told, and does not wait for its time to pass."""
    arrived = asyncio.Event()

    def silent(_: list[bytes]) -> Any:
        arrived.set()
        return stage.SILENCE

    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=silent)
    client, joined = await member(stage, server)
    reading = asyncio.create_task(joined.receive(10, 60.0))
    await arrived.wait()
    began = time.monotonic()
    await joined.close()
    with pytest.raises(RedisError):
        await reading
    await client.disconnect()
    assert time.monotonic() - began < 1.0


async def test_members_never_share_a_name(stage: Any) -> None:
    """Two members of one name would silently share one pending list."""
    server = stage.server(EVAL=lambda _: NOTHING_DUE, XREADGROUP=lambda _: NEW)
    client, first = await member(stage, server)
    second = await client.subscribe(ORDERS, ConsumerConfig("g"))
    await first.receive(1, 1.0)
    await second.receive(1, 1.0)
    await client.disconnect()
    names = [command[3] for command in server.sent("XREADGROUP")]
    assert len(set(names)) == 2

"""The client does what it was asked, once, and says what became of it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import ReadOnlyError
from redis.exceptions import TimeoutError as NoReply

from harness.backends.redis import BACKEND
from harness.backends.redis.client import RedisClient
from harness.backends.redis.cluster import LARGEST
from harness.backends.redis.errors import NotReplicated, NotSent, TooLarge, UnknownDestination
from harness.history.records import Function
from harness.model.consumer import ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.link import Link
from harness.model.message import Message, Position
from harness.model.outcome import Outcome

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders")


def client(nodes: Any) -> RedisClient:
    made = BACKEND.client(nodes, Link.PUBLISHER, "p")
    assert isinstance(made, RedisClient)
    return made


async def failure(of: RedisClient, timeout: float = 1.0) -> tuple[Exception, Outcome]:
    """How a publish failed, and what the backend says of that."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at it
        await of.publish(ORDERS, Message("p-1"), timeout)
    assert isinstance(caught.value, Exception)
    return caught.value, BACKEND.classify(Function.PUBLISH, caught.value)


async def test_receipt_is_the_entry_id(stage: Any) -> None:
    """The broker's position comes with the acknowledgement; nothing but the publish is sent."""
    server = stage.server(XADD=lambda _: b"17-3")
    publisher = client(await stage.start(server))
    receipt = await publisher.publish(ORDERS, Message("p-1", b"x"), 1.0)
    await publisher.disconnect()
    assert receipt.position == Position(0, 17, 3)
    assert [command[0] for command in server.commands] == [b"CLIENT", b"ROLE", b"XADD"]


async def test_lost_reply_is_unknown_and_never_sent_again(stage: Any) -> None:
    """redis-py by itself would send the XADD anew, and store it twice."""
    server = stage.server(XADD=lambda _: stage.HANG_UP)
    publisher = client(await stage.start(server))
    error, outcome = await failure(publisher)
    await publisher.disconnect()
    assert isinstance(error, Disconnected)
    assert outcome is Outcome.INFO
    assert len(server.sent("XADD")) == 1


async def test_silence_ends_at_the_deadline_and_is_unknown(stage: Any) -> None:
    """A frozen primary costs an operation its timeout, and the next one a new connection."""
    replies = iter([stage.SILENCE, b"1-0"])
    server = stage.server(XADD=lambda _: next(replies))
    publisher = client(await stage.start(server))
    began = time.monotonic()
    error, outcome = await failure(publisher, timeout=0.05)
    assert isinstance(error, NoReply)
    assert outcome is Outcome.INFO
    assert time.monotonic() - began < 1.0
    assert not publisher.is_connected
    await publisher.publish(ORDERS, Message("p-2"), 1.0)
    await publisher.disconnect()
    assert server.connections == 2


async def test_unreachable_primary_means_nothing_was_sent(stage: Any) -> None:
    """A refused connection, and one that never greets, are definite failures."""
    server = stage.server(CLIENT=lambda _: stage.SILENCE)
    nodes = await stage.start(server)
    mute, outcome = await failure(client(nodes), timeout=0.05)
    assert isinstance(mute, NotSent)
    assert outcome is Outcome.FAIL
    server.port = 1
    refused, outcome = await failure(client(nodes))
    assert "Error 111 connecting" in str(refused)
    assert outcome is Outcome.FAIL


async def test_demoted_primary_is_left_for_the_new_one(stage: Any) -> None:
    """READONLY fails the operation; the next one asks the Sentinels again and is not stopped by it."""
    old = stage.server(XADD=lambda _: ReadOnlyError("READONLY You can't write against a read only replica."))
    new = stage.server(XADD=lambda _: b"2-0")
    sentinels = tuple(stage.sentinel("n1") for _ in range(3))
    publisher = client(await stage.start(old, new, stage.server(), sentinels=sentinels))
    error, outcome = await failure(publisher)
    assert isinstance(error, ReadOnlyError)
    assert outcome is Outcome.FAIL
    for double in sentinels:
        double.answers["SENTINEL"] = stage.sentinel("n2", epoch=1).answers["SENTINEL"]
    receipt = await publisher.publish(ORDERS, Message("p-2"), 1.0)
    await publisher.disconnect()
    assert receipt.position == Position(0, 2)
    assert len(old.sent("XADD")) == len(new.sent("XADD")) == 1


async def test_replica_is_never_taken_for_the_primary(stage: Any) -> None:
    """Sentinels may be late: the node's own word decides, and nothing is sent to a replica."""
    server = stage.server(ROLE=lambda _: [b"slave", b"n2", 6379, b"connected", 0])
    publisher = client(await stage.start(server))
    error, outcome = await failure(publisher)
    await publisher.disconnect()
    assert "should be the primary, and says it is slave" in str(error)
    assert outcome is Outcome.FAIL
    assert not server.sent("XADD")


async def test_short_wait_is_unknown_and_leaves_the_primary(stage: Any) -> None:
    """At tier wait the replica's word counts; without it the write may be anywhere."""
    server = stage.server(XADD=lambda _: b"1-0", WAIT=lambda _: 0)
    publisher = client(await stage.start(server, tier="wait"))
    error, outcome = await failure(publisher)
    assert isinstance(error, NotReplicated)
    assert outcome is Outcome.INFO
    assert not publisher.is_connected
    server.answers["WAIT"] = lambda _: 1
    await publisher.publish(ORDERS, Message("p-2"), 1.0)
    await publisher.disconnect()
    assert [command[0] for command in server.commands[-2:]] == [b"XADD", b"WAIT"]


async def test_stream_that_nobody_created_is_a_named_failure(stage: Any) -> None:
    """XADD NOMKSTREAM answers nil, which must not pass for an acknowledgement."""
    missing = Exception("ERR The XGROUP subcommand requires the key to exist.")
    server = stage.server(XADD=lambda _: None, XGROUP=lambda _: missing)
    publisher = client(await stage.start(server))
    error, outcome = await failure(publisher)
    assert isinstance(error, UnknownDestination)
    assert outcome is Outcome.FAIL
    with pytest.raises(UnknownDestination):
        await publisher.subscribe(ORDERS, ConsumerConfig("g"))
    await publisher.disconnect()


async def test_oversized_value_is_refused_before_it_is_sent(stage: Any) -> None:
    """The server would hang up in the middle of it, which says nothing."""
    server = stage.server()
    publisher = client(await stage.start(server))
    with pytest.raises(TooLarge):
        await publisher.publish(ORDERS, Message("p-1", bytes(LARGEST + 1)), 1.0)
    assert not server.commands


async def test_closed_client_says_so(stage: Any) -> None:
    """An operation after disconnect is a definite failure, and disconnecting twice is none."""
    publisher = client(await stage.start(stage.server()))
    await publisher.connect()
    assert publisher.is_connected
    await publisher.disconnect()
    await publisher.disconnect()
    error, outcome = await failure(publisher)
    assert "this client is closed" in str(error)
    assert outcome is Outcome.FAIL


async def test_deduplication_is_one_script(stage: Any) -> None:
    """Key and entry are written together or not at all; the answer tells a repetition."""
    server = stage.server(EVAL=lambda _: [b"5-0", 1])
    publisher = client(await stage.start(server))
    receipt = await publisher.publish(ORDERS, Message("p-1", deduplication_key="d"), 1.0)
    await publisher.disconnect()
    assert receipt.deduplicated
    assert receipt.position == Position(0, 5)
    assert len(server.sent("EVAL")) == 1
    assert not server.sent("XADD")


async def test_log_is_read_page_by_page(stage: Any) -> None:
    """Each page begins after the last entry of the one before, until one is short."""
    fields = [b"harness-message-id", b"p", b"payload", b"x"]
    pages = iter([[[b"%d-0" % i, fields] for i in range(1, 1001)], [[b"1001-0", fields]]])
    server = stage.server(XRANGE=lambda _: next(pages))
    reader = client(await stage.start(server))
    log = await reader.read_log(ORDERS)
    await reader.disconnect()
    assert [stored.position.major for stored in log] == list(range(1, 1002))
    assert [command[2] for command in server.sent("XRANGE")] == [b"-", b"(1000-0"]


@pytest.mark.parametrize(
    ("destination", "why"),
    [(Destination("a", partitions=2), "one log"), (Destination("a", replicas=2), "there are 1 nodes")],
)
async def test_impossible_destination_is_refused(
    stage: Any,
    destination: Destination,
    why: str,
) -> None:
    """What Redis has not is refused at once."""
    with pytest.raises(BadOption, match=why):
        await client(await stage.start(stage.server())).create_destination(destination)


async def test_backlog_position_never_goes_back(stage: Any) -> None:
    """The settled place is one number, ordered as entry ids are; nothing settled is no place."""
    answers: list[Any] = [[3, 1, b"0-0"], [2, 0, b"7-1048575"], [0, 0, b"8-0"]]
    replies = iter(answers)
    reader = client(await stage.start(stage.server(EVAL=lambda _: next(replies))))
    first, second, third = [await reader.backlog(ORDERS, "g") for _ in answers]
    await reader.disconnect()
    assert (first.lag, first.pending, first.position) == (3, 1, None)
    assert second.position is not None
    assert third.position is not None
    assert second.position < third.position


async def test_new_group_begins_after_the_last_entry(stage: Any) -> None:
    """A place rather than ``$``: the group may have to be made again after a failover."""
    server = stage.server(XREVRANGE=lambda _: [[b"9-4", [b"a", b"b"]]], XGROUP=lambda _: "OK")
    reader = client(await stage.start(server))
    await reader.subscribe(ORDERS, ConsumerConfig("g", start=Start.NEW))
    await reader.disconnect()
    assert server.sent("XGROUP") == [[b"XGROUP", b"CREATE", b"t:orders", b"g", b"9-4"]]

"""A client against a scripted server: what is empty, what is gone, and what must not be lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats import errors
from nats.js.errors import APIError, ServiceUnavailableError

from harness.backends.nats import BACKEND, connection, subscription
from harness.backends.nats.client import NatsClient
from harness.backends.nats.subscription import NatsSubscription
from harness.model.consumer import AckPolicy, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import BadOption, DeadlineExceeded
from harness.model.link import Link
from harness.model.message import MESSAGE_ID_HEADER, Message, Position

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders")
PULL = "$JS.API.CONSUMER.MSG.NEXT.t:orders.g"
REFUSED = b"NATS/1.0 400 Bad Request - heartbeat value too large\r\n\r\n"
NOTHING = b"NATS/1.0 404 No Messages\r\n\r\n"
Answer = list[tuple[str, bytes, bytes]]
Start = Callable[[Callable[[str, bytes], Answer]], Awaitable[tuple[Any, Any]]]


def ok(**fields: object) -> Answer:
    """A JSON answer."""
    return [("", b"", json.dumps(fields).encode())]


def stored(sequence: int, attempt: int = 1) -> tuple[str, bytes, bytes]:
    """A delivery: the subject it was stored under, and that of its acknowledgement."""
    ack = f"$JS.ACK.t:orders.g.{attempt}.{sequence}.{sequence}.0.0"
    headers = f"NATS/1.0\r\n{MESSAGE_ID_HEADER}: w-{sequence}\r\n\r\n"
    return f"{ORDERS.name} {ack}", headers.encode(), b"body"


class Script:
    """Answers the set-up of a group; pulls get what ``pulls`` holds, one list each, then nothing."""

    def __init__(self, *pulls: Answer) -> None:
        self.pulls = list(pulls)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, subject: str, body: bytes) -> Answer:
        if subject.startswith("$JS.API.CONSUMER.CREATE"):
            return ok(
                name="g", stream_name="t:orders", config={"durable_name": "g"}, created="2026-01-01T00:00:00Z"
            )
        if subject == PULL:
            return self._pull(json.loads(body))
        if subject.startswith("$JS.ACK"):
            return [("", b"", b"")]
        return []

    def _pull(self, request: dict[str, Any]) -> Answer:
        if request["idle_heartbeat"] > request["expires"]:
            return [("", REFUSED, b"")]
        self.asked.append(request)
        return self.pulls.pop(0) if self.pulls else [("", NOTHING, b"")]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up on a silent server after a tenth of a second instead of seconds."""
    monkeypatch.setattr(subscription, "_SILENCE", 0.1)
    monkeypatch.setattr(subscription, "_ACK", 0.2)
    monkeypatch.setattr(connection, "_CONNECT", 0.3)


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until a condition holds, at most 5 s."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what sets it is the library, which knows no event of ours
            await asyncio.sleep(0)


async def member(cluster: Any, config: ConsumerConfig | None = None) -> tuple[NatsClient, NatsSubscription]:
    """A connected client and its membership of the group."""
    client = BACKEND.client(cluster, Link.CONSUMER, "consumer-1")
    await client.connect()
    return client, await client.subscribe(ORDERS, config or ConsumerConfig("g"))


async def test_a_receive_returns_what_there_is(start_server: Start) -> None:
    """Deliveries carry message, position, subject and attempt, and the server ends the request."""
    _, cluster = await start_server(Script([stored(7), stored(8, attempt=3), ("", NOTHING, b"")]))
    client, group = await member(cluster)
    first, second = await group.receive(10, 1)
    assert first.message == Message("w-7", b"body")
    assert (first.position, first.destination, first.attempt) == (Position(0, 7), ORDERS.name, 1)
    assert second.attempt == 3
    await client.disconnect()


async def test_empty_is_the_servers_word(start_server: Start) -> None:
    """A status that says so makes an empty answer; nothing is concluded from silence."""
    timed_out = ("", b"NATS/1.0 408 Request Timeout\r\n\r\n", b"")
    _, cluster = await start_server(Script([timed_out]))
    client, group = await member(cluster)
    assert await group.receive(10, 0.05) == []
    await client.disconnect()


async def test_silence_is_an_error(start_server: Start) -> None:
    """A frozen server answers nothing: that raises, instead of looking like an empty group."""
    server, cluster = await start_server(Script())
    client, group = await member(cluster)
    server.mute = True
    with pytest.raises(errors.TimeoutError):
        await group.receive(10, 5)
    await client.disconnect()


async def test_heartbeats_keep_a_quiet_request_alive(start_server: Start) -> None:
    """As long as the server beats, the request is waited for, beyond the time of silence."""
    server, cluster = await start_server(Script([]))
    client, group = await member(cluster)
    waiting = asyncio.create_task(group.receive(10, 5))
    await until(lambda: server.answers.asked)
    for answer in [b"NATS/1.0 100 Idle Heartbeat\r\n\r\n"] * 5 + [NOTHING]:
        server.answers = lambda _subject, _body, answer=answer: [("", answer, b"")]
        server.say(server.writers[-1], group._asked.inbox, PULL, b"")
        await asyncio.sleep(0.05)
    assert await waiting == []
    await client.disconnect()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (b"503", ServiceUnavailableError),
        (b"409 Consumer Deleted", APIError),
        (b"409 Leadership Change", APIError),
    ],
)
async def test_other_statuses_are_errors(start_server: Start, status: bytes, error: type[Exception]) -> None:
    """No leader, no consumer, a leader that steps down: all different from "nothing there"."""
    _, cluster = await start_server(Script([("", b"NATS/1.0 " + status + b"\r\n\r\n", b"")]))
    client, group = await member(cluster)
    with pytest.raises(error):
        await group.receive(10, 1)
    await client.disconnect()


async def test_where_others_wait_the_member_gets_in_line(start_server: Start) -> None:
    """The server refuses a one-shot request while others wait: it is asked again for one, waiting."""
    script = Script([("", b"NATS/1.0 408 Requests Pending\r\n\r\n", b"")], [stored(1)])
    _, cluster = await start_server(script)
    client, group = await member(cluster)
    assert [delivery.message.id for delivery in await group.receive(10, 1)] == ["w-1"]
    assert [(request["batch"], request["no_wait"]) for request in script.asked] == [(10, True), (1, False)]
    await client.disconnect()


async def test_a_cancelled_receive_loses_nothing(start_server: Start) -> None:
    """What arrives for a request whose receive was given up is returned by the next one."""
    server, cluster = await start_server(Script([]))
    client, group = await member(cluster)
    given_up = asyncio.create_task(group.receive(10, 5))
    await until(lambda: server.answers.asked)
    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    server.answers = lambda _subject, _body: [stored(1)]
    server.say(server.writers[-1], group._asked.inbox, PULL, b"")
    await client._connection.nats.flush(1)
    assert [delivery.message.id for delivery in await group.receive(10, 1)] == ["w-1"]
    await client.disconnect()


async def test_what_waited_longer_than_its_lease_is_not_handed_out(start_server: Start) -> None:
    """The server has taken it back by then; handing it out would be a delivery nobody made."""
    server, cluster = await start_server(Script([stored(1), stored(2), ("", NOTHING, b"")]))
    client, group = await member(cluster, ConsumerConfig("g", lease=0.05))
    assert [delivery.message.id for delivery in await group.receive(1, 1)] == ["w-1"]
    await client._connection.nats.flush(1)
    await asyncio.sleep(0.06)
    assert await group.receive(1, 0.05) == []
    assert len(server.answers.asked) == 2
    await client.disconnect()


async def test_acknowledgements_wait_for_the_answer(start_server: Start) -> None:
    """Each kind is sent as a request; without an answer it raises."""
    server, cluster = await start_server(Script([stored(1), ("", NOTHING, b"")]))
    client, group = await member(cluster)
    (delivery,) = await group.receive(10, 1)
    await group.nak(delivery, 1.5)
    await group.extend(delivery)
    assert await group.reject(delivery)
    assert await group.ack(delivery)
    sent = [body for subject, body in server.heard if subject.startswith("$JS.ACK")]
    assert sent == [b'-NAK {"delay": 1500000000}', b"+WPI", b"+TERM", b"+ACK"]
    server.mute = True
    with pytest.raises(errors.TimeoutError):
        await group.ack(delivery)
    await client.disconnect()


async def test_without_acknowledgements_there_is_nothing_to_confirm(start_server: Start) -> None:
    """Policy ``none``: ``ack`` is no request, and says that it confirms nothing."""
    server, cluster = await start_server(Script([stored(1), ("", NOTHING, b"")]))
    client, group = await member(cluster, ConsumerConfig("g", ack_policy=AckPolicy.NONE))
    (delivery,) = await group.receive(10, 1)
    assert not await group.ack(delivery)
    assert not [subject for subject, _ in server.heard if subject.startswith("$JS.ACK")]
    await client.disconnect()


async def test_closing_hands_back_what_no_receive_returned(start_server: Start) -> None:
    """Another member gets it at once instead of after the lease."""
    server, cluster = await start_server(Script([stored(1), stored(2), ("", NOTHING, b"")]))
    client, group = await member(cluster)
    await group.receive(1, 1)
    await client._connection.nats.flush(1)
    await group.close()
    assert [body for subject, body in server.heard if subject.startswith("$JS.ACK")] == [b"-NAK"]
    await client.disconnect()


async def test_nothing_is_buffered_while_disconnected(start_server: Start) -> None:
    """A publish without a connection is refused at once and never sent, not even after reconnecting."""
    server, cluster = await start_server(Script())
    client, _ = await member(cluster)
    server.mute = True
    for writer in server.writers:
        writer.transport.abort()
    await until(lambda: not client.is_connected)
    with pytest.raises(errors.OutboundBufferLimitError):
        await client.publish(ORDERS, Message("w-1"), 1)
    server.mute = False
    await client._connection.until_connected(5)
    await client._connection.nats.flush(1)
    assert ORDERS.name not in [subject for subject, _ in server.heard]
    await client.disconnect()


async def test_a_client_without_a_server_says_whom_it_tried(start_server: Start) -> None:
    """Connecting ends at its deadline, with the last error; the library alone would never end."""
    server, cluster = await start_server(Script())
    server.mute = True
    client = BACKEND.client(cluster, Link.CONSUMER, "consumer-1")
    with pytest.raises(DeadlineExceeded, match=r"consumer-1.*127\.0\.0\.1"):
        await client.connect()
    await client.disconnect()


async def test_disconnecting_from_a_frozen_server_is_quick_and_leaves_nothing(start_server: Start) -> None:
    """Not an error, not a task, not a socket; warnings are errors here."""
    server, cluster = await start_server(Script())
    client, group = await member(cluster)
    server.mute = True
    begun = time.monotonic()
    await group.close()
    await client.disconnect()
    await client.disconnect()
    assert time.monotonic() - begun < 2
    tasks = [task.get_coro() for task in asyncio.all_tasks()]
    assert not [
        coroutine for coroutine in tasks if "nats" in str(coroutine) and "serve" not in str(coroutine)
    ]
    assert not client.is_connected


async def test_a_closed_client_fails_for_certain(start_server: Start) -> None:
    """Nothing can have been sent."""
    _, cluster = await start_server(Script())
    client, group = await member(cluster)
    await client.disconnect()
    with pytest.raises(errors.ConnectionClosedError):
        await client.publish(ORDERS, Message("w-1"), 1)
    with pytest.raises(errors.ConnectionClosedError):
        await group.receive(1, 1)


async def test_what_is_too_large_with_its_headers_is_not_sent(start_server: Start) -> None:
    """The server would end the connection of a client that sends it, for good."""
    server, cluster = await start_server(Script())
    client, _ = await member(cluster)
    with pytest.raises(errors.MaxPayloadError):
        await client.publish(ORDERS, Message("w-1", bytes((1 << 23) - 10)), 1)
    assert ORDERS.name not in [subject for subject, _ in server.heard]
    await client.disconnect()


async def test_a_stream_has_one_partition(start_server: Start) -> None:
    """Bad input is refused before anything is asked of the server."""
    _, cluster = await start_server(Script())
    client = BACKEND.client(cluster, Link.ADMIN, "admin")
    with pytest.raises(BadOption, match="partitions"):
        await client.create_destination(Destination("t.many", partitions=3))

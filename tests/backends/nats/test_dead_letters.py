"""Dead letters and the log against a scripted server: what is copied, in what order, and what is not lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats import errors

from harness.backends.nats import BACKEND, dead_letters
from harness.backends.nats.dead_letters import DeadLetters
from harness.model.destination import Destination
from harness.model.link import Link
from harness.model.message import MESSAGE_ID_HEADER

pytestmark = pytest.mark.anyio

DEAD = Destination("t.orders.dead")
ORDERS = Destination("t.orders", dead_letter=DEAD)
NEXT = "$JS.API.CONSUMER.MSG.NEXT.t:orders:ADVISORIES.g"
GET = "$JS.API.STREAM.MSG.GET.t:orders"
ANNOUNCED = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.t:orders.g $JS.ACK.t:orders:ADVISORIES.g.1.1.1.0.0"
NOTHING = b"NATS/1.0 404 No Messages\r\n\r\n"
Answer = list[tuple[str, bytes, bytes]]
Start = Callable[[Callable[[str, bytes], Answer]], Awaitable[tuple[Any, Any]]]


class Exhausted:
    """A stream holding ``held``, of which ``announced`` sequences are announced, one at a time."""

    def __init__(self, held: dict[int, str], announced: list[int], *, accepts: bool = True) -> None:
        self.held = held
        self.announced = list(announced)
        self.accepts = accepts

    def __call__(self, subject: str, body: bytes) -> Answer:
        if subject == NEXT:
            return [self._announcement()]
        if subject == GET:
            return [("", b"", json.dumps(self._stored(json.loads(body)["seq"])).encode())]
        if subject == "$JS.API.STREAM.INFO.t:orders":
            state = {"first_seq": min(self.held), "last_seq": max(self.held)}
            return [("", b"", json.dumps({"state": state}).encode())]
        if subject == DEAD.name:
            return [("", b"", b'{"stream": "d", "seq": 1}')] if self.accepts else []
        return [("", b"", b"")]

    def _announcement(self) -> tuple[str, bytes, bytes]:
        if not self.announced:
            return ("", NOTHING, b"")
        return (ANNOUNCED, b"NATS/1.0\r\n\r\n", json.dumps({"stream_seq": self.announced.pop(0)}).encode())

    def _stored(self, sequence: int) -> dict[str, Any]:
        if sequence not in self.held:
            return {"error": {"code": 404, "err_code": 10037, "description": "no message found"}}
        headers = f"NATS/1.0\r\n{MESSAGE_ID_HEADER}: {self.held[sequence]}\r\n\r\n".encode()
        return {"message": {"seq": sequence, "hdrs": base64.b64encode(headers).decode()}}


async def swept(cluster: Any) -> None:
    """One sweep of the group's announcements by a client of its own."""
    client = BACKEND.client(cluster, Link.CONSUMER, "consumer-1")
    await client.connect()
    try:
        await DeadLetters(client._connection, client._js, ORDERS, "g", sweeps=True).sweep()
    finally:
        await client.disconnect()


async def test_an_exhausted_message_is_copied_and_then_settled(start_server: Start) -> None:
    """The announcement is acknowledged only after the copy is, under a key that makes two copies one."""
    server, cluster = await start_server(Exhausted({7: "w-7"}, [7]))
    await swept(cluster)
    subjects = [subject.partition(".t:orders")[0] for subject, _ in server.heard]
    assert subjects == [
        "$JS.API.CONSUMER.MSG.NEXT",
        "$JS.API.STREAM.MSG.GET",
        DEAD.name,
        "$JS.ACK",
        "$JS.API.CONSUMER.MSG.NEXT",
    ]
    copy = next(body for subject, body in server.heard if subject == DEAD.name)
    assert b"harness-message-id: w-7" in copy
    assert b"Nats-Msg-Id: t:orders/g/7" in copy


async def test_a_copy_that_is_not_confirmed_leaves_the_announcement(
    start_server: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever receives next finds it again."""
    monkeypatch.setattr(dead_letters, "_ANSWER", 0.1)
    server, cluster = await start_server(Exhausted({7: "w-7"}, [7], accepts=False))
    with pytest.raises(errors.TimeoutError):
        await swept(cluster)
    assert not [subject for subject, _ in server.heard if subject.startswith("$JS.ACK")]


async def test_a_message_deleted_meanwhile_is_settled_without_a_copy(start_server: Start) -> None:
    """There is nothing left to bury, and the announcement must not come back for ever."""
    server, cluster = await start_server(Exhausted({}, [7]))
    await swept(cluster)
    assert DEAD.name not in [subject for subject, _ in server.heard]
    assert [subject for subject, _ in server.heard if subject.startswith("$JS.ACK")]


async def test_the_log_is_read_in_order_and_over_its_gaps(start_server: Start) -> None:
    """What was deleted is not there; everything else is, at its own position."""
    _, cluster = await start_server(Exhausted({3: "w-3", 4: "w-4", 9: "w-9"}, []))
    client = BACKEND.client(cluster, Link.ADMIN, "admin")
    await client.connect()
    log = await client.read_log(ORDERS)
    assert [(entry.position.major, entry.message.id) for entry in log] == [(3, "w-3"), (4, "w-4"), (9, "w-9")]
    await client.disconnect()

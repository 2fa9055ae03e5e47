"""The observer against scripted monitoring ports: views are counted, and nothing is taken on trust."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from harness.backends.nats import BACKEND
from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.destination import Destination
from harness.model.link import Link

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders", replicas=3)
Views = dict[str, dict[str, Any] | None]


class Monitored:
    """Nodes ``n1`` ... whose monitoring answers are ``views`` by path; ``None`` answers nothing."""

    def __init__(self, views: dict[str, Views], ports: list[int]) -> None:
        self.nodes = tuple(views)
        self.spec = ClusterSpec("nats", "2.15.2", len(views), "r3")
        self._ports = dict(zip(views, ports, strict=True))

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        return Endpoint("127.0.0.1", self._ports[node])


Observe = Callable[[dict[str, Views]], Awaitable[Any]]


@pytest.fixture
async def observe() -> AsyncIterator[Observe]:
    """Return a function that starts a port for each node's views and an observer of them all."""
    servers: list[asyncio.Server] = []

    def serve(views: Views) -> Callable[..., Awaitable[None]]:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                line = (await reader.readline()).decode().split()
                path = line[1].partition("?")[0] if line else ""
                answer = views.get(path)
                if answer is not None:
                    writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(answer).encode())
                    writer.close()
                else:
                    await reader.read()
            finally:  # also when the test has ended first, and cancels this
                writer.transport.abort()

        return one

    async def start(views: dict[str, Views]) -> Any:
        started = [await asyncio.start_server(serve(each), "127.0.0.1", 0) for each in views.values()]
        servers.extend(started)
        ports = [server.sockets[0].getsockname()[1] for server in started]
        return BACKEND.observer(Monitored(views, ports))  # type: ignore[arg-type]  # as much as is asked

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a silent node a fifth of a second instead of a second."""
    monkeypatch.setattr("harness.backends.nats.observer._LIMIT", 0.2)


def stream(leader: str, last: int) -> Views:
    """What a node says that hosts the stream."""
    detail = {"name": "t:orders", "cluster": {"leader": leader}, "state": {"last_seq": last}}
    return {"/jsz": {"account_details": [{"stream_detail": [detail, {"name": "other"}]}]}}


def meta(leader: str, *replicas: dict[str, Any]) -> Views:
    """What a node says of the meta group."""
    return {
        "/healthz": {"status": "ok"},
        "/jsz": {"meta_cluster": {"leader": leader, "replicas": list(replicas)}},
    }


def peer(name: str, *, current: bool = True, active: float = 0.1) -> dict[str, Any]:
    """A replica as the meta leader sees it; ``active`` seconds ago."""
    return {"name": name, "current": current, "active": int(active * 1e9)}


@pytest.mark.parametrize(
    ("views", "leader"),
    [
        ({"n1": "n1", "n2": "n1", "n3": "n1"}, "n1"),
        ({"n1": "n1", "n2": "n3", "n3": "n3"}, "n3"),
        ({"n1": "n1", "n2": "", "n3": ""}, ""),
        ({"n1": None, "n2": "n2", "n3": ""}, "n2"),
        ({"n1": None, "n2": None, "n3": None}, ""),
    ],
    ids=["agreed", "old leader cut off", "electing", "one answers", "nobody answers"],
)
async def test_the_leader_is_whom_most_replicas_name(
    observe: Observe, views: dict[str, str | None], leader: str
) -> None:
    """A leader that is cut off still names itself; it is outvoted."""
    observer = await observe({n: {} if name is None else stream(name, 1) for n, name in views.items()})
    assert await observer.leaders(ORDERS) == (leader,)


async def test_a_single_server_leads_what_it_hosts(observe: Observe) -> None:
    """Alone, a server names no leader of its streams, and has no meta group."""
    observer = await observe({"n1": stream("", 1)})
    assert await observer.leaders(ORDERS) == ("n1",)
    assert await observer.leaders(Destination("t.none")) == ("",)
    assert await observer.controller() == ""


@pytest.mark.parametrize(
    ("last", "in_sync"),
    [({"n1": 5, "n2": 5, "n3": 5}, True), ({"n1": 5, "n2": 5, "n3": 4}, False), ({"n1": 5, "n2": 5}, False)],
    ids=["equal", "one behind", "one silent"],
)
async def test_a_replica_is_in_sync_on_its_own_word(
    observe: Observe, last: dict[str, int], *, in_sync: bool
) -> None:
    """The leader calls a frozen replica current; only the replica can say what it holds."""
    views = {node: stream("n1", last[node]) if node in last else {} for node in ("n1", "n2", "n3")}
    observer = await observe(views)
    assert await observer.replicas_in_sync(ORDERS) is in_sync


async def test_no_leader_no_sync(observe: Observe) -> None:
    """Without a leader there is nothing to be in sync with."""
    observer = await observe({node: stream("", 5) for node in ("n1", "n2", "n3")})
    assert not await observer.replicas_in_sync(ORDERS)


async def test_peers_are_those_with_a_live_route(observe: Observe) -> None:
    """Each peer has several routes; none left means gone."""
    routes = [{"remote_name": "n2"}, {"remote_name": "n2"}, {"remote_name": "n3"}]
    observer = await observe({"n1": {"/routez": {"routes": routes}}, "n2": {"/routez": {}}, "n3": {}})
    assert await observer.peers_seen_alive("n1") == {"n2", "n3"}
    assert await observer.peers_seen_alive("n2") == frozenset()
    with pytest.raises(ConnectionError, match="n3 does not answer"):
        await observer.peers_seen_alive("n3")


READY = {
    "n1": meta("n1", peer("n2"), peer("n3")),
    "n2": meta("n1", peer("n1"), peer("n3", current=False)),
    "n3": meta("n1", peer("n1"), peer("n2", current=False)),
}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"n2": {}}, "n2 does not answer on its monitoring port"),
        (
            {"n3": {"/healthz": {"status": "unavailable", "error": "no contact"}}},
            "n3 is unavailable: no contact",
        ),
        ({"n1": meta(""), "n2": meta(""), "n3": meta("")}, "no meta leader"),
        ({"n3": meta("n3")}, "no meta leader that all nodes agree on"),
        ({"n1": meta("n1", peer("n2", current=False), peer("n3"))}, r"not current: \['n2'\]"),
        ({"n1": meta("n1", peer("n2", active=5.0), peer("n3"))}, r"not current: \['n2'\]"),
        ({"n1": meta("n1", peer("n2"))}, "has 1 replicas"),
    ],
    ids=["ready", "silent", "unhealthy", "no leader", "two leaders", "behind", "long unheard", "missing"],
)
async def test_readiness_names_what_is_missing(
    observe: Observe, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Views], why: str
) -> None:
    """The first thing that keeps the cluster from being healthy, on which node."""

    async def pong(*_: object) -> bool:
        return True

    monkeypatch.setattr("harness.backends.nats.observer._ping", pong)
    observer = await observe({**READY, **changed})
    reason = await observer.not_ready()
    assert re.search(why, reason) if why else reason == ""


async def test_a_connection_that_is_accepted_is_no_answer(observe: Observe) -> None:
    """Docker's proxy accepts for a link that is cut, the kernel for a process that is frozen."""
    observer = await observe({"n1": {}})
    assert not await observer.answers("n1", Link.CONSUMER)


@pytest.mark.parametrize(("last_word", "alive"), [(b"PONG\r\n", True), (b"-ERR 'no'\r\n", False)])
async def test_only_a_pong_is_an_answer(last_word: bytes, *, alive: bool) -> None:
    """The handshake goes both ways: greeting, PING, PONG."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"INFO {}\r\n")
        while (await reader.readline()) not in {b"PING\r\n", b""}:
            pass
        writer.write(last_word)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    observer = BACKEND.observer(Monitored({"n1": {}}, [server.sockets[0].getsockname()[1]]))  # type: ignore[arg-type]  # as much as is asked
    assert await observer.answers("n1") is alive
    await observer.close()
    server.close()
    await server.wait_closed()
    assert not await observer.answers("n1")

"""What a NATS cluster says of itself, read from every node's monitoring port over the admin link.

Each node is asked for its *own* view and the views are counted, never trusted singly: a leader cut
off from its peers calls itself leader for another ten seconds, long after they have elected anew.

What was measured on three nodes of 2.15.2 decides which figure is used for what:

* A frozen or cut-off peer leaves ``/routez`` of the others after 3.0-3.1 s (three pings of ours),
  leaders and followers alike. The replica list of ``/jsz`` is of no use for it: the leader goes on
  calling a frozen, idle replica ``current``, and followers never fill in anyone but the leader.
* So a replica counts as in sync on its own word alone: its last sequence has reached the one the
  leader had before it was asked.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from harness.backends.nats.talk import nats_dialect
from harness.backends.nats.wire import stream_name
from harness.backends.talk import Conversation, converse
from harness.model.cluster import Cluster, Endpoint
from harness.model.destination import Destination
from harness.model.errors import HarnessError
from harness.model.link import Link

_LIMIT = 1.0
"""Seconds a node has for one answer; two rounds stay within the two seconds of the contract."""

_STEPPED_DOWN = 5.0
"""Seconds the leader has to hand over; it answers when it has."""

_STALE = 3e9
"""Nanoseconds without a word after which a meta replica is not counted in (its heartbeat is 1 s)."""

_View = Mapping[str, Any]


class NatsObserver:
    """Our own eyes on one cluster (``backends.contract.Observer``); holds no connection open."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def not_ready(self) -> str:
        """What keeps the cluster from being healthy, empty if nothing.

        ``/healthz`` covers JetStream and every stream and consumer of a node; the meta group's
        replicas are in no node's health, so they are asked of its leader.
        """
        nodes = self._cluster.nodes
        for node, health in zip(nodes, await self._ask_all("/healthz"), strict=True):
            if health is None:
                return f"{node} does not answer on its monitoring port"
            if health.get("status") != "ok":
                return f"{node} is {health.get('status')}: {health.get('error', health)}"
        for node in nodes:
            if not await self.answers(node):
                return f"{node} is healthy but does not answer a client's PING"
        return await self._meta_not_ready() if len(nodes) > 1 else ""

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Whether ``node`` answers PING with PONG over ``link`` within a second.

        A TCP connection proves nothing: docker's proxy accepts for a link that is cut, the kernel
        for a process that is frozen.
        """
        with suppress(OSError, TimeoutError, EOFError):
            return await asyncio.wait_for(_ping(self._cluster.endpoint(node, link)), _LIMIT)
        return False

    async def talk(self, node: str, link: Link) -> Conversation:
        """A raw connection to ``node`` over ``link``; raises ``OSError`` if not greeted within 2 s."""
        return await converse(self._cluster.endpoint(node, link), nats_dialect())

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        """The leader of the one stream, by the count of its replicas' views; empty if there is none."""
        return (self._leader(await self._stream_views(destination)),)

    async def controller(self) -> str:
        """The leader of the meta group, by the count of the nodes' views; empty where there is none."""
        views = await self._ask_all("/jsz")
        return _most(_leader(view.get("meta_cluster")) for view in views if view is not None)

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        """The nodes ``node`` has a live route to.

        Raises ``ConnectionError`` if ``node`` itself does not answer.
        """
        view = await self._ask(node, "/routez")
        if view is None:
            message = f"{node} does not answer on its monitoring port within {_LIMIT:g} s"
            raise ConnectionError(message)
        return frozenset(str(route["remote_name"]) for route in view.get("routes") or ())

    async def transfer_leadership(self, destination: Destination) -> None:
        """Ask the stream's leader to step down; raises ``HarnessError`` when that is refused."""
        subject = f"$JS.API.STREAM.LEADER.STEPDOWN.{stream_name(destination)}"
        endpoint = self._cluster.endpoint(self._cluster.nodes[0], Link.ADMIN)
        answer = json.loads(await asyncio.wait_for(_request(endpoint, subject), _STEPPED_DOWN))
        if not answer.get("success"):
            raise HarnessError(f"{destination.name}: its leader does not step down: {answer.get('error')}")

    async def replicas_in_sync(self, destination: Destination) -> bool:
        """Whether all replicas answer and each holds what the leader held before they were asked."""
        before = await self._stream_views(destination)
        leader = self._leader(before)
        if leader not in before:
            return False
        replicas = await self._stream_views(destination)
        ahead = _last(before[leader])
        return len(replicas) == destination.replicas and all(_last(r) >= ahead for r in replicas.values())

    async def close(self) -> None:
        """Nothing is held open between questions."""

    def _leader(self, views: Mapping[str, _View]) -> str:
        """The leader the stream's replicas name; a server that stands alone names nobody."""
        if len(self._cluster.nodes) == 1:
            return next(iter(views), "")
        return _most(_leader(view.get("cluster")) for view in views.values())

    async def _meta_not_ready(self) -> str:
        views = dict(zip(self._cluster.nodes, await self._ask_all("/jsz"), strict=True))
        groups = {node: (view or {}).get("meta_cluster") or {} for node, view in views.items()}
        seen = {node: _leader(group) for node, group in groups.items()}
        leader = _most(seen.values())
        if not leader or set(seen.values()) != {leader}:
            return f"no meta leader that all nodes agree on: {seen}"
        replicas = groups[leader].get("replicas") or []
        behind = [str(peer["name"]) for peer in replicas if not _current(peer)]
        if behind or len(replicas) != len(groups) - 1:
            return f"meta leader {leader} has {len(replicas)} replicas, not current: {behind}"
        return ""

    async def _stream_views(self, destination: Destination) -> dict[str, _View]:
        """What each answering node that hosts the stream says of it."""
        name = stream_name(destination)
        answers = await self._ask_all("/jsz?acc=$G&streams=true")
        views = {}
        for node, answer in zip(self._cluster.nodes, answers, strict=True):
            accounts = (answer or {}).get("account_details") or ()
            for stream in (stream for account in accounts for stream in account.get("stream_detail") or ()):
                if stream["name"] == name:
                    views[node] = stream
        return views

    async def _ask_all(self, path: str) -> list[_View | None]:
        return await asyncio.gather(*(self._ask(node, path) for node in self._cluster.nodes))

    async def _ask(self, node: str, path: str) -> _View | None:
        """The node's answer, ``None`` if there was none in time."""
        endpoint = self._cluster.endpoint(node, Link.ADMIN, "monitor")
        with suppress(OSError, TimeoutError, EOFError, ValueError):
            answer: _View = json.loads(await asyncio.wait_for(_get(endpoint, path), _LIMIT))
            return answer
        return None


async def _get(endpoint: Endpoint, path: str) -> bytes:
    """The body of the answer, whatever its status: a node that is not healthy says why with 503."""
    reader, writer = await asyncio.open_connection(*endpoint)
    try:
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {endpoint.host}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        return await reader.read()
    finally:
        writer.transport.abort()


async def _ping(endpoint: Endpoint) -> bool:
    """NATS's own handshake: the server speaks first, then PING must come back as PONG."""
    reader, writer = await asyncio.open_connection(*endpoint)
    try:
        if not (await reader.readline()).startswith(b"INFO "):
            return False
        writer.write(b'CONNECT {"verbose":false,"name":"observer"}\r\nPING\r\n')
        while line := await reader.readline():
            if line.strip() == b"PONG":
                return True
        return False
    finally:
        writer.transport.abort()


async def _request(endpoint: Endpoint, subject: str) -> bytes:
    """The answer to an empty request, asked on a connection of its own."""
    reader, writer = await asyncio.open_connection(*endpoint)
    try:
        await reader.readline()
        inbox = f"_INBOX.{secrets.token_hex(8)}"
        options = '{"verbose":false,"name":"observer","headers":true,"no_responders":true}'
        writer.write(f"CONNECT {options}\r\nSUB {inbox} 1\r\nPUB {subject} {inbox} 0\r\n\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"MSG "):
                return await reader.readexactly(int(line.split()[-1]))
            if line.startswith((b"-ERR", b"HMSG")):
                break
        raise HarnessError(f"{subject}: {line.decode(errors='replace').strip() or 'no answer'}")
    finally:
        writer.transport.abort()


def _leader(group: _View | None) -> str:
    return str((group or {}).get("leader") or "")


def _last(stream: _View) -> int:
    return int(stream["state"]["last_seq"])


def _current(peer: _View) -> bool:
    return bool(peer.get("current")) and not peer.get("offline") and peer.get("active", 0) < _STALE


def _most(votes: Any) -> str:
    """The name most nodes give; on a tie a name wins over none, and the smaller over the greater."""
    counted = Counter(votes)
    return min(counted, key=lambda name: (-counted[name], not name, name), default="")

"""Finding the primary, by what the Sentinels say through a link.

Sentinels answer with the node's name, which is mapped to the node's endpoint of the same link;
the inner address is never used. The vendor's client guidelines take the first answer and check
``ROLE``. We ask all at once and want two of one opinion, or else the one of the newest failover:
the Sentinel beside an isolated primary would otherwise send us back to it for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis.exceptions import RedisError

from harness.backends.redis.cluster import MASTER
from harness.backends.redis.errors import NotSent
from harness.backends.redis.wire import Socket, dial
from harness.model.cluster import Cluster, Endpoint
from harness.model.link import Link

ASK = 0.5
"""Seconds a Sentinel has for its answer."""


class Opinion(NamedTuple):
    """A Sentinel's word: the count of failovers it knows of, and the primary's node name."""

    epoch: int
    node: str


class Primary:
    """The way to the primary over one link."""

    def __init__(self, cluster: Cluster, link: Link, name: str) -> None:
        self._cluster = cluster
        self._link = link
        self._name = name

    async def dial(self) -> Socket:
        """Connect to the primary; raises ``NotSent`` when it cannot be found or is none."""
        node = await self.node()
        socket = await _dial(self._cluster.endpoint(node, self._link), self._name, f"{node} (primary)")
        try:
            _be_primary(node, (await socket.ask(("ROLE",)))[0])
        except BaseException:
            socket.cut()
            raise
        return socket

    async def node(self) -> str:
        """The primary's name; raises ``NotSent`` when no Sentinel answers."""
        if len(self._cluster.nodes) == 1:
            return self._cluster.nodes[0]
        given = await opinions(self._cluster, self._link, self._name)
        if not given:
            raise NotSent("no Sentinel answers")
        return agreed(given) or max(given).node


def _be_primary(node: str, role: Any) -> None:
    """A Sentinel's word may be old; the node itself knows better."""
    if isinstance(role, Exception):
        raise NotSent(f"{node}: {role}")
    if role[0] != b"master":
        raise NotSent(f"{node} should be the primary, and says it is {role[0].decode()}")


async def opinions(cluster: Cluster, link: Link, name: str) -> list[Opinion]:
    """What the Sentinels say over ``link``; no longer than until two agree, or all had ``ASK`` seconds."""
    asks = [_opinion(cluster.endpoint(node, link, "sentinel"), name) for node in cluster.nodes]
    asked = [asyncio.ensure_future(ask) for ask in asks]
    given: list[Opinion] = []
    try:
        for answer in asyncio.as_completed(asked):
            said = await answer
            given += [said] if said else []
            if agreed(given):
                break
    finally:
        for ask in asked:
            ask.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    return given


def agreed(given: Sequence[Opinion]) -> str:
    """The node that two name, which of three Sentinels is the majority; empty if none."""
    names = [said.node for said in given]
    return next((name for name in names if names.count(name) > 1), "")


async def _opinion(endpoint: Endpoint, name: str) -> Opinion | None:
    """One Sentinel's, ``None`` if it does not answer; in a failover it names the promoted node early."""
    try:
        async with asyncio.timeout(ASK):
            address, state = await _ask_sentinel(endpoint, name)
    except (RedisError, OSError):
        return None
    return Opinion(int(pairs(state)["config-epoch"]), address[0].decode())


async def _ask_sentinel(endpoint: Endpoint, name: str) -> list[Any]:
    socket = await dial(endpoint, name)
    try:
        replies = await socket.ask(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER),
            ("SENTINEL", "MASTER", MASTER),
        )
    finally:
        socket.cut()
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


def pairs(flat: list[bytes]) -> Mapping[str, str]:
    """The flat list of names and values, in which Redis answers, as a mapping."""
    texts = [value.decode() for value in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


async def _dial(endpoint: Endpoint, name: str, what: str) -> Socket:
    try:
        return await dial(endpoint, name)
    except TimeoutError:
        raise NotSent(f"{what} does not answer") from None

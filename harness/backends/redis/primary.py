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
        nodes = self._cluster.nodes
        if len(nodes) == 1:
            return nodes[0]
        asked = [asyncio.ensure_future(self._ask(node)) for node in nodes]
        try:
            return await _agreed(asked)
        finally:
            for ask in asked:
                ask.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _ask(self, node: str) -> Opinion | None:
        try:
            async with asyncio.timeout(ASK):
                return await opinion(self._cluster.endpoint(node, self._link, "sentinel"), self._name)
        except (RedisError, OSError):
            return None


def _be_primary(node: str, role: Any) -> None:
    """A Sentinel's word may be old; the node itself knows better."""
    if isinstance(role, Exception):
        raise NotSent(f"{node}: {role}")
    if role[0] != b"master":
        raise NotSent(f"{node} should be the primary, and says it is {role[0].decode()}")


async def _agreed(asked: Sequence[asyncio.Future[Opinion | None]]) -> str:
    opinions: list[Opinion] = []
    for answer in asyncio.as_completed(asked):
        given = await answer
        if given is not None:
            if any(other.node == given.node for other in opinions):
                return given.node
            opinions.append(given)
    if not opinions:
        raise NotSent("no Sentinel answers")
    return max(opinions).node


async def opinion(endpoint: Endpoint, name: str) -> Opinion:
    """What the Sentinel at ``endpoint`` thinks; during a failover it already names the promoted node."""
    socket = await dial(endpoint, name)
    try:
        address, state = await socket.ask(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER),
            ("SENTINEL", "MASTER", MASTER),
        )
    finally:
        socket.cut()
    for reply in (address, state):
        if isinstance(reply, Exception):
            raise reply
    return Opinion(int(pairs(state)["config-epoch"]), address[0].decode())


def pairs(flat: list[bytes]) -> Mapping[str, str]:
    """The flat list of names and values, in which Redis answers, as a mapping."""
    texts = [value.decode() for value in flat]
    return dict(zip(texts[::2], texts[1::2], strict=True))


async def _dial(endpoint: Endpoint, name: str, what: str) -> Socket:
    try:
        return await dial(endpoint, name)
    except TimeoutError:
        raise NotSent(f"{what} does not answer") from None

"""Our own eyes on a Redis cluster: every server and every Sentinel, over the admin link.

The leader is the node that most Sentinels name *and* that calls itself primary. Redis has no
controller: a Sentinel leads only while it carries out a failover, and no node rules in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from redis.exceptions import RedisError

from harness.backends.redis.cluster import MASTER
from harness.backends.redis.primary import agreed, opinions, pairs
from harness.backends.redis.talk import REDIS_DIALECT
from harness.backends.redis.wire import Wire, dial
from harness.backends.talk import Conversation, converse
from harness.model.cluster import Cluster
from harness.model.destination import Destination
from harness.model.link import Link

ANSWER = 1.0
"""Seconds a node has for each answer."""

_NAME = "observer"
_GONE = frozenset({"s_down", "o_down", "disconnected"})


class RedisObserver:
    """The cluster as it describes itself; one connection for each node and port, dialled when asked."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._nodes = cluster.nodes
        self._wires: dict[tuple[str, str], Wire] = {}

    async def not_ready(self) -> str:
        """The first of: nodes that do not answer, no primary, Sentinels at odds, replicas behind."""
        found = [problem for problem in await asyncio.gather(*map(self._unwell, self._nodes)) if problem]
        if found:
            return "; ".join(found)
        leader = await self._leader()
        if not leader:
            return "no primary that most Sentinels agree on"
        if len(self._nodes) == 1:
            return ""
        found = [problem for problem in await asyncio.gather(*map(self._at_odds, self._nodes)) if problem]
        return "; ".join(found) or await self._behind(leader)

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Whether ``node`` says PONG over a new connection: a proxy would accept for a dead node."""
        try:
            async with asyncio.timeout(ANSWER):
                socket = await dial(self._cluster.endpoint(node, link), _NAME)
                try:
                    return await socket.ask(("PING",)) == [b"PONG"]
                finally:
                    socket.cut()
        except (RedisError, OSError):
            return False

    async def talk(self, node: str, link: Link) -> Conversation:
        """A raw connection to ``node`` over ``link``; raises ``OSError`` if not greeted within 2 s."""
        return await converse(self._cluster.endpoint(node, link), REDIS_DIALECT)

    async def leaders(self, destination: Destination) -> tuple[str, ...]:  # noqa: ARG002 - all share one
        """The primary: a stream has one partition, and every stream the same leader."""
        return (await self._leader(),)

    async def controller(self) -> str:
        """Empty: there is no such node."""
        return ""

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        """The nodes of which the Sentinel of ``node`` sees both the server and the Sentinel alive.

        Raises redis-py's errors when the Sentinel does not answer. A single node has no peers.
        """
        if len(self._nodes) == 1:
            return frozenset()
        sentinels = map(pairs, await self._sentinel(node, "SENTINELS"))
        return _alive(await self._servers(node)) & _alive(sentinels) - {node}

    async def transfer_leadership(self, destination: Destination) -> None:  # noqa: ARG002 - all share one
        """Have a Sentinel fail over, agreed or not; raises redis-py's errors when it refuses."""
        await self._sentinel(self._nodes[0], "FAILOVER")

    async def replicas_in_sync(self, destination: Destination) -> bool:  # noqa: ARG002 - all share one
        """Whether every replica has all that the primary had when it was asked, just before."""
        leader = await self._leader()
        return bool(leader) and not await self._behind(leader)

    async def close(self) -> None:
        """Close every connection."""
        await asyncio.gather(*(wire.close() for wire in self._wires.values()))

    async def _ask(self, node: str, *command: Any, port: str = "client") -> Any:
        endpoint = self._cluster.endpoint(node, Link.ADMIN, port)
        wire = self._wires.setdefault((node, port), Wire(lambda: dial(endpoint, _NAME)))
        return await wire.call(*command, timeout=ANSWER)

    async def _sentinel(self, node: str, *command: str) -> Any:
        return await self._ask(node, "SENTINEL", *command, MASTER, port="sentinel")

    async def _servers(self, node: str) -> list[Mapping[str, str]]:
        """Every server, in the words of the Sentinel of ``node``."""
        primary = await self._sentinel(node, "MASTER")
        return [pairs(primary), *map(pairs, await self._sentinel(node, "REPLICAS"))]

    async def _info(self, node: str, section: str, port: str = "client") -> Mapping[str, str]:
        text = (await self._ask(node, "INFO", section, port=port)).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    async def _unwell(self, node: str) -> str:
        try:
            await self._ask(node, "PING")
        except (RedisError, OSError) as error:
            return f"{node}: {error}"
        return ""

    async def _leader(self) -> str:
        if len(self._nodes) == 1:
            named = self._nodes[0]
        else:
            named = agreed(await opinions(self._cluster, Link.ADMIN, _NAME))
        if named:
            try:
                role = await self._ask(named, "ROLE")
            except (RedisError, OSError):
                return ""
            if role[0] == b"master":
                return named
        return ""

    async def _at_odds(self, node: str) -> str:
        """What keeps the Sentinel of ``node`` from playing its part in a failover."""
        others = frozenset(self._nodes) - {node}
        try:
            seen = await self.peers_seen_alive(node)
            stale = _of_old_roles(await self._servers(node))
            tilted = (await self._info(node, "sentinel", "sentinel"))["sentinel_tilt"] != "0"
        except (RedisError, OSError) as error:
            return f"Sentinel of {node}: {error}"
        if seen != others:
            return f"Sentinel of {node} does not see {', '.join(sorted(others - seen))} alive"
        if stale:
            return f"Sentinel of {node} has yet to learn the role of {', '.join(sorted(stale))}"
        return f"Sentinel of {node} abstains (TILT)" if tilted else ""

    async def _behind(self, leader: str) -> str:
        """Which replicas lack something that the primary had before they were asked."""
        try:
            primary = await self._info(leader, "replication")
            replicas = [node for node in self._nodes if node != leader]
            states = await asyncio.gather(*(self._info(node, "replication") for node in replicas))
        except (RedisError, OSError) as error:
            return str(error)
        lags = {node: _lag(leader, primary, state) for node, state in zip(replicas, states, strict=True)}
        return "; ".join(f"{node}: {lag}" for node, lag in lags.items() if lag)


def _lag(leader: str, primary: Mapping[str, str], replica: Mapping[str, str]) -> str:
    """Why a replica cannot be called in sync, empty if it can."""
    if replica["role"] != "slave":
        return "calls itself primary"
    if replica["master_host"] != leader or replica["master_link_status"] != "up":
        return f"link to {replica['master_host']} is {replica['master_link_status']}"
    missing = int(primary["master_repl_offset"]) - int(replica["slave_repl_offset"])
    return f"{missing} bytes behind" if missing > 0 else ""


def _of_old_roles(servers: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The nodes that reported another role than they have, when a Sentinel last heard of them.

    Cut off like that, it would hold the report for a disobedience of long standing once it is back,
    and demote the node at once: a Sentinel is ready for the next failover when it knows all roles.
    """
    return frozenset(
        server["ip"] for server in servers if server["role-reported"] not in server["flags"].split(",")
    )


def _alive(instances: Iterable[Mapping[str, str]]) -> frozenset[str]:
    return frozenset(
        instance["ip"] for instance in instances if not _GONE & set(instance["flags"].split(","))
    )

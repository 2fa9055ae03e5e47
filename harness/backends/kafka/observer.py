"""Our own eyes on a Kafka cluster, through the admin link, without librdkafka (``wire`` says why).

Two views exist and they differ under a fault. A *broker's* view (Metadata) is the metadata log as
far as that broker has replayed it: the controller fences a broker it has not heard of for
``broker.session.timeout.ms`` (3 s here), and each broker learns of it from the log. A node that is
cut off learns nothing more: **it goes on believing that all its peers are alive**, and that it still
leads what it led. So "n1 is gone" is to be asked of n1's peers; and where nodes disagree, the
highest epoch is the truth. The *quorum's* view (DescribeQuorum) is that of the controller, which
steps down when a majority has not fetched from it for ``controller.quorum.fetch.timeout.ms``. It is
asked of every node's controller itself: a broker would forward the question to the controller it
knew last, and wait there if that one is frozen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import TypeVar

from harness.backends.kafka import requests
from harness.backends.kafka.cluster import CONTROLLER, node_id, node_name
from harness.backends.kafka.talk import KAFKA_DIALECT
from harness.backends.talk import Conversation, converse
from harness.model.cluster import Cluster
from harness.model.destination import Destination
from harness.model.link import Link

_GROUPS = "__consumer_offsets"
_ANSWER = 1.0
"""Seconds a node has to answer; two of them in a row are within the contract's two seconds."""

_CAUGHT_UP = 1500
"""Milliseconds since a voter last had everything; the controller writes an entry every 500."""

_T = TypeVar("_T")
_Views = Mapping[str, requests.Metadata | BaseException]


class KafkaObserver:
    """What a cluster says of itself (``backends.contract.Observer``)."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def not_ready(self) -> str:
        """What keeps the cluster from being healthy, empty if nothing does.

        Healthy: every node answers and believes all the others alive, every voter of the quorum has
        caught up, groups have a coordinator, and no replica of any topic is out of sync.
        """
        views, quorum, coordinator = await asyncio.gather(
            self._views(None),
            self._quorum(),
            self._coordinator("harness-ready"),
        )
        reasons = [*self._lonely(views), *self._lagging(quorum)]
        if not coordinator:
            reasons.append("no coordinator for groups")
        topics = _latest(views)
        if _GROUPS not in topics:
            reasons.append(f"{_GROUPS} not yet created")
        reasons += _broken(topics)
        return "; ".join(reasons[:4])

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Whether ``node`` answers an ApiVersions request over ``link`` within a second.

        A connection proves nothing: docker's port proxy accepts on a severed link, and so does the
        kernel of a frozen node.
        """
        try:
            await requests.api_versions(self._cluster.endpoint(node, link), _ANSWER)
        except OSError:
            return False
        return True

    async def talk(self, node: str, link: Link) -> Conversation:
        """A raw connection to ``node`` over ``link``; raises ``OSError`` if not greeted within 2 s."""
        return await converse(self._cluster.endpoint(node, link), KAFKA_DIALECT)

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        """The leader of each partition by the highest leader epoch that any answering node knows.

        Empty names where there is none, and for a destination that no node knows of.
        """
        known = _latest(await self._views((destination.name,))).get(destination.name, {})
        missing = requests.Partition(-1, -1, (), ())
        return tuple(node_name(known.get(i, missing).leader) for i in range(destination.partitions))

    async def controller(self) -> str:
        """The leader of the metadata quorum with the highest epoch, empty where there is none."""
        quorum = await self._quorum()
        return node_name(quorum.leader) if quorum else ""

    async def coordinator(self, group: str) -> str:
        """The node that coordinates ``group``, empty where there is none."""
        return await self._coordinator(group)

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        """The other nodes that are unfenced in the metadata ``node`` has; raises ``OSError`` if it is silent.

        A node that is cut off keeps its last view: it sees everyone alive, and only its peers tell.
        """
        view = await requests.metadata(self._cluster.endpoint(node, Link.ADMIN), (), _ANSWER)
        return frozenset(map(node_name, view.brokers)) - {node}

    async def replicas_in_sync(self, destination: Destination) -> bool:
        """Whether every partition has a leader and all its replicas in sync, by the latest epochs."""
        known = _latest(await self._views((destination.name,))).get(destination.name, {})
        return len(known) == destination.partitions and all(p.whole for p in known.values())

    async def close(self) -> None:
        """Nothing is held open between two questions."""

    async def _views(self, topics: tuple[str, ...] | None) -> _Views:
        endpoints = [self._cluster.endpoint(node, Link.ADMIN) for node in self._cluster.nodes]
        asked = (requests.metadata(endpoint, topics, _ANSWER) for endpoint in endpoints)
        return dict(zip(self._cluster.nodes, await _settled(asked), strict=True))

    async def _quorum(self) -> requests.Quorum | None:
        nodes = self._cluster.nodes
        endpoints = [self._cluster.endpoint(node, Link.ADMIN, CONTROLLER) for node in nodes]
        answers = await _settled(requests.describe_quorum(endpoint, _ANSWER) for endpoint in endpoints)
        known = [answer for answer in answers if isinstance(answer, requests.Quorum) and answer.leader >= 0]
        return max(known, key=lambda quorum: quorum.epoch, default=None)

    async def _coordinator(self, group: str) -> str:
        endpoints = [self._cluster.endpoint(node, Link.ADMIN) for node in self._cluster.nodes]
        answers = await _settled(
            requests.find_coordinator(endpoint, group, _ANSWER) for endpoint in endpoints
        )
        named = [answer for answer in answers if isinstance(answer, int) and answer >= 0]
        # An isolated node may name a coordinator of the past; the others outvote it.
        return node_name(max(named, key=named.count, default=-1))

    def _lonely(self, views: _Views) -> Iterable[str]:
        everyone = frozenset(map(node_id, self._cluster.nodes))
        for node, view in views.items():
            if isinstance(view, BaseException):
                yield f"{node} does not answer ({type(view).__name__} {view})".replace(" )", ")")
            elif missing := everyone - view.brokers:
                yield f"{node} does not see {', '.join(sorted(map(node_name, missing)))}"

    def _lagging(self, quorum: requests.Quorum | None) -> Iterable[str]:
        if quorum is None:
            yield "no controller"
            return
        for node in self._cluster.nodes:
            behind = quorum.behind.get(node_id(node))
            if behind is None or behind > _CAUGHT_UP:
                yield f"{node} lags behind controller {node_name(quorum.leader)} ({behind} ms)"


async def _settled(questions: Iterable[Awaitable[_T]]) -> list[_T | BaseException]:
    return await asyncio.gather(*questions, return_exceptions=True)


def _latest(views: _Views) -> dict[str, dict[int, requests.Partition]]:
    """Each partition as the node with the highest leader epoch of it has it."""
    latest: dict[str, dict[int, requests.Partition]] = {}
    for view in views.values():
        if isinstance(view, BaseException):
            continue
        for topic, partitions in view.topics.items():
            known = latest.setdefault(topic, {})
            for index, partition in partitions.items():
                if index not in known or known[index].epoch < partition.epoch:
                    known[index] = partition
    return latest


def _broken(topics: Mapping[str, Mapping[int, requests.Partition]]) -> Iterable[str]:
    for topic, partitions in sorted(topics.items()):
        for index, partition in sorted(partitions.items()):
            if not partition.whole:
                leader = node_name(partition.leader) or "none"
                yield (
                    f"{topic}/{index}: leader {leader}, in sync {list(partition.in_sync)}"
                    f" of {list(partition.replicas)}"
                )

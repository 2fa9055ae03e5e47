"""Orders to the cluster, and questions about a group, over one link.

Errors are raised as librdkafka's, whose codes are the protocol's; ``wire`` says why its own admin
client is not used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from confluent_kafka import KafkaError

from harness.backends.kafka import requests
from harness.backends.kafka.cluster import node_name
from harness.backends.kafka.errors import native
from harness.model.cluster import Cluster, Endpoint
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.link import Link

_T = TypeVar("_T")

_ANSWER = 2.0
"""Seconds a node has for one answer."""

_CREATED = 10.0
"""Seconds a new topic has until every node that answers knows all its leaders and replicas."""


class Admin:
    """Every method raises ``KafkaException``: an error code, or ``_TRANSPORT`` when no node answered."""

    def __init__(self, cluster: Cluster, link: Link) -> None:
        self._endpoints = {node: cluster.endpoint(node, link) for node in cluster.nodes}

    async def create(self, destination: Destination) -> None:
        """Create a topic and wait for its leaders and replicas; one of the same shape may be there.

        Raises ``DeadlineExceeded`` when something is missing after ten seconds.
        """
        wanted = _topic(destination)
        errors = await self._any(lambda node: requests.create_topics(node, [wanted], _ANSWER))
        if errors[wanted.name] not in {KafkaError.NO_ERROR, KafkaError.TOPIC_ALREADY_EXISTS}:
            raise native(errors[wanted.name], f"creating topic {wanted.name}")
        deadline = time.monotonic() + _CREATED
        while seen := await self._lacking(destination):
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"topic {wanted.name} has leaders and replicas", _CREATED, seen)
            await asyncio.sleep(0.03)

    async def set_session(self, config: ConsumerConfig) -> None:
        """With KIP-848 the session is the group's setting on the broker."""
        milliseconds = str(int(config.session * 1000))
        setting = "consumer.session.timeout.ms"
        error = await self._any(
            lambda node: requests.set_group(node, config.group, setting, milliseconds, _ANSWER),
        )
        if error:
            raise native(error, f"setting {setting} of group {config.group}")

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """Log end minus committed offset, over all partitions; a group that is new lags by everything."""
        committed = await self._committed(destination, group)
        ends = await self.ends(destination, requests.End.LATEST)
        settled = committed
        if len(committed) < len(ends):
            settled = await self.ends(destination, requests.End.EARLIEST) | committed
        lag = sum(max(0, end - settled[partition]) for partition, end in ends.items())
        return Backlog(lag=lag, pending=None, position=sum(committed.values()) if committed else None)

    async def ends(self, destination: Destination, end: requests.End) -> dict[int, int]:
        """Where the log of each partition begins or ends, asked of its leader."""
        topic = destination.name
        view = await self._any(lambda node: requests.metadata(node, (topic,), _ANSWER))
        known = view.topics.get(topic, {})
        if len(known) != destination.partitions:
            raise native(KafkaError.UNKNOWN_TOPIC_OR_PART, f"{topic} has {len(known)} partitions")
        led: dict[int, list[int]] = {}
        for index, partition in known.items():
            led.setdefault(partition.leader, []).append(index)
        asked = (
            requests.list_offsets(self._endpoint(leader, topic), topic, indexes, end, _ANSWER)
            for leader, indexes in led.items()
        )
        answers = await _answered(asyncio.gather(*asked))
        return _offsets({k: v for answer in answers for k, v in answer.items()}, f"the ends of {topic}")

    async def _committed(self, destination: Destination, group: str) -> dict[int, int]:
        coordinator = await self._any(lambda node: requests.find_coordinator(node, group, _ANSWER))
        endpoint = self._endpoint(coordinator, f"group {group}")
        partitions = range(destination.partitions)
        answer = await _answered(
            requests.offset_fetch(endpoint, group, destination.name, partitions, _ANSWER),
        )
        offsets = _offsets(answer, f"the committed offsets of group {group}")
        return {partition: offset for partition, offset in offsets.items() if offset >= 0}

    async def _lacking(self, topic: Destination) -> str:
        """What any node that answers does not know of a topic: a client may be sent to each of them."""
        asked = (requests.metadata(node, (topic.name,), _ANSWER) for node in self._endpoints.values())
        answers = await asyncio.gather(*asked, return_exceptions=True)
        views = [answer for answer in answers if isinstance(answer, requests.Metadata)]
        if not views:
            return "no node answers"
        return next(filter(None, (_lacks(view.topics.get(topic.name, {}), topic) for view in views)), "")

    async def _any(self, ask: Callable[[Endpoint], Awaitable[_T]]) -> _T:
        """The first node's answer, in the nodes' order: a broker hands orders on to the controller."""
        silent = []
        for node, endpoint in self._endpoints.items():
            try:
                return await ask(endpoint)
            except OSError as error:
                silent.append(f"{node}: {type(error).__name__} {error}")
        raise native(KafkaError._TRANSPORT, "; ".join(silent))  # noqa: SLF001 - that is its public name

    def _endpoint(self, broker: int, of: str) -> Endpoint:
        if broker < 0:
            raise native(KafkaError.LEADER_NOT_AVAILABLE, f"nobody answers for {of}")
        return self._endpoints[node_name(broker)]


def _topic(destination: Destination) -> requests.Topic:
    """Two of three replicas must have a write, so that losing one neither loses nor stops anything."""
    in_sync = "2" if destination.replicas >= 3 else "1"  # noqa: PLR2004 - a majority of three
    settings = {"min.insync.replicas": in_sync}
    return requests.Topic(destination.name, destination.partitions, destination.replicas, settings)


def _lacks(known: Mapping[int, requests.Partition], topic: Destination) -> str:
    if len(known) != topic.partitions:
        return f"{len(known)} of {topic.partitions} partitions"
    for index, partition in known.items():
        if not partition.whole or len(partition.replicas) != topic.replicas:
            return f"partition {index}: {partition}, wanted {topic.replicas} replicas"
    return ""


async def _answered(asked: Awaitable[_T]) -> _T:
    try:
        return await asked
    except OSError as error:
        raise native(KafkaError._TRANSPORT, f"{type(error).__name__} {error}") from error  # noqa: SLF001


def _offsets(answers: Mapping[int, tuple[int, int]], what: str) -> dict[int, int]:
    failed: Iterable[tuple[int, int]] = ((p, error) for p, (error, _) in answers.items() if error)
    for partition, error in failed:
        raise native(error, f"asking for {what}, partition {partition}")
    return {partition: offset for partition, (_, offset) in answers.items()}

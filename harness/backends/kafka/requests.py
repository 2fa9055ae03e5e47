"""The requests we make ourselves, each at a version that brokers from 3.3 to 4.3 speak.

Metadata 7 is the first with leader epochs, DescribeQuorum 1 the first with the time of the last
fetch. Every function asks one node, and raises ``OSError`` when it did not answer in time.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from harness.backends.kafka.wire import Answer, Api, array, exchange, text
from harness.model.cluster import Endpoint

_LIST_OFFSETS = Api(2, 2)
_METADATA = Api(3, 7)
_OFFSET_FETCH = Api(9, 2)
_FIND_COORDINATOR = Api(10, 1)
_API_VERSIONS = Api(18, 0)
_CREATE_TOPICS = Api(19, 2)
_INCREMENTAL_ALTER_CONFIGS = Api(44, 0)
_DESCRIBE_QUORUM = Api(55, 1, flexible=True)

_GROUP_RESOURCE = 32
_READ_COMMITTED = 1


_Parser = Callable[[], tuple[int, tuple[int, int]]]


class End(IntEnum):
    """Which end of a partition's log: the broker takes these for timestamps."""

    LATEST = -1
    EARLIEST = -2


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition as a node's metadata has it; ``leader`` is -1 where there is none."""

    leader: int
    epoch: int
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]

    @property
    def whole(self) -> bool:
        """Whether it has a leader and every replica is in sync."""
        return self.leader >= 0 and set(self.replicas) == set(self.in_sync)


@dataclass(frozen=True, slots=True)
class Metadata:
    """A node's view: the brokers that the controller had not fenced, and the topics asked for."""

    brokers: frozenset[int]
    topics: Mapping[str, Mapping[int, Partition]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quorum:
    """The metadata quorum: leader, its epoch, and how old (ms) each voter's last catching up is."""

    leader: int
    epoch: int
    behind: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create."""

    name: str
    partitions: int
    replicas: int
    settings: Mapping[str, str]


async def api_versions(endpoint: Endpoint, within: float) -> None:
    """Ask which requests a node serves: the cheapest proof that a broker, not a kernel, answers."""
    error = (await exchange(endpoint, _API_VERSIONS, b"", within)).number(2)
    if error:
        raise ConnectionError(f"{endpoint} answers ApiVersions with error {error}")


async def metadata(endpoint: Endpoint, topics: tuple[str, ...] | None, within: float) -> Metadata:
    """What this node believes of brokers and ``topics`` (all when ``None``); never creates a topic."""
    names = b"\xff\xff\xff\xff" if topics is None else array(map(text, topics))
    answer = await exchange(endpoint, _METADATA, names + b"\x00", within)
    answer.number(4)  # throttle time
    brokers = answer.items(lambda: _broker(answer))
    answer.text()  # cluster id
    answer.number(4)  # under KRaft any live broker, not the controller
    return Metadata(frozenset(brokers), dict(answer.items(lambda: _topic(answer))))


async def find_coordinator(endpoint: Endpoint, group: str, within: float) -> int:
    """The broker that coordinates ``group``, -1 while there is none.

    Asking also makes the brokers create the topic that keeps the groups.
    """
    answer = await exchange(endpoint, _FIND_COORDINATOR, text(group) + b"\x00", within)
    answer.number(4)  # throttle time
    error = answer.number(2)
    answer.text()
    return -1 if error else answer.number(4)


async def describe_quorum(endpoint: Endpoint, within: float) -> Quorum:
    """The metadata quorum, asked of one node's controller: only the quorum's leader answers.

    Raises ``OSError`` when another node was asked, too.
    """
    topic = b"\x02\x13__cluster_metadata\x02" + bytes(4) + b"\x00\x00\x00"
    answer = await exchange(endpoint, _DESCRIBE_QUORUM, topic, within)
    if error := answer.number(2):
        raise ConnectionError(f"{endpoint} answers DescribeQuorum with error {error}")
    quorums = answer.compact_items(lambda: _quorum_topic(answer))
    return quorums[0][0]


async def create_topics(endpoint: Endpoint, topics: Iterable[Topic], within: float) -> dict[str, int]:
    """Have the controller create topics; the error code of each, 0 for none."""
    body = array(map(_creation, topics)) + struct.pack(">i?", int(within * 1000), False)
    answer = await exchange(endpoint, _CREATE_TOPICS, body, within)
    answer.number(4)  # throttle time
    return dict(answer.items(lambda: _created(answer)))


async def list_offsets(
    endpoint: Endpoint,
    topic: str,
    partitions: Iterable[int],
    end: End,
    within: float,
) -> dict[int, tuple[int, int]]:
    """For each partition the error code and the offset of an end, as ``read_committed`` sees it.

    Only a partition's leader answers without error.
    """
    asked = array(struct.pack(">iq", partition, end) for partition in partitions)
    body = struct.pack(">ib", -1, _READ_COMMITTED) + array([text(topic) + asked])
    answer = await exchange(endpoint, _LIST_OFFSETS, body, within)
    answer.number(4)  # throttle time
    return _only_topic(answer, lambda: _listed(answer))


async def offset_fetch(
    endpoint: Endpoint,
    group: str,
    topic: str,
    partitions: Iterable[int],
    within: float,
) -> dict[int, tuple[int, int]]:
    """For each partition the error code and the committed offset, -1 where there is none.

    Only the group's coordinator answers without error.
    """
    asked = text(topic) + array(struct.pack(">i", partition) for partition in partitions)
    answer = await exchange(endpoint, _OFFSET_FETCH, text(group) + array([asked]), within)
    return _only_topic(answer, lambda: _fetched(answer))


async def set_group(endpoint: Endpoint, group: str, name: str, value: str, within: float) -> int:
    """Set one of a group's own settings (brokers from 4.0); the error code, 0 for none."""
    setting = text(name) + b"\x00" + text(value)
    resource = struct.pack(">b", _GROUP_RESOURCE) + text(group) + array([setting])
    answer = await exchange(endpoint, _INCREMENTAL_ALTER_CONFIGS, array([resource]) + b"\x00", within)
    answer.number(4)  # throttle time
    answer.number(4)  # one resource was asked for, one answers
    return answer.number(2)


def _broker(answer: Answer) -> int:
    number = answer.number(4)
    answer.text()
    answer.number(4)
    answer.text()
    return number


def _topic(answer: Answer) -> tuple[str, dict[int, Partition]]:
    answer.number(2)  # an unknown topic has no partitions, which says the same
    name = answer.text()
    answer.number(1)
    return name, dict(answer.items(lambda: _partition(answer)))


def _partition(answer: Answer) -> tuple[int, Partition]:
    answer.number(2)  # no leader, or a replica missing: both are in the fields below
    index, leader, epoch = answer.number(4), answer.number(4), answer.number(4)
    replicas, in_sync, _offline = (answer.items(lambda: answer.number(4)) for _ in range(3))
    return index, Partition(leader, epoch, replicas, in_sync)


def _quorum_topic(answer: Answer) -> tuple[Quorum, ...]:
    answer.compact_text()
    partitions = answer.compact_items(lambda: _quorum(answer))
    answer.tags()
    return partitions


def _quorum(answer: Answer) -> Quorum:
    answer.number(4)  # partition
    error = answer.number(2)
    leader, epoch, _high_watermark = answer.number(4), answer.number(4), answer.number(8)
    voters = dict(answer.compact_items(lambda: _replica(answer)))
    answer.compact_items(lambda: _replica(answer))
    answer.tags()
    if error or leader not in voters:
        return Quorum(-1, epoch)
    now = voters[leader]  # for itself the leader gives the time
    return Quorum(leader, epoch, {voter: now - caught_up for voter, caught_up in voters.items()})


def _replica(answer: Answer) -> tuple[int, int]:
    replica, _end, _fetched_at, caught_up = (answer.number(size) for size in (4, 8, 8, 8))
    answer.tags()
    return replica, caught_up


def _creation(topic: Topic) -> bytes:
    settings = array(text(name) + text(value) for name, value in topic.settings.items())
    return text(topic.name) + struct.pack(">ih", topic.partitions, topic.replicas) + array([]) + settings


def _created(answer: Answer) -> tuple[str, int]:
    name, error = answer.text(), answer.number(2)
    answer.text()
    return name, error


def _only_topic(answer: Answer, partition: _Parser) -> dict[int, tuple[int, int]]:
    answer.number(4)  # one topic was asked for, one answers
    answer.text()
    return dict(answer.items(partition))


def _listed(answer: Answer) -> tuple[int, tuple[int, int]]:
    partition, error = answer.number(4), answer.number(2)
    answer.number(8)  # timestamp
    return partition, (error, answer.number(8))


def _fetched(answer: Answer) -> tuple[int, tuple[int, int]]:
    partition, offset = answer.number(4), answer.number(8)
    answer.text()
    return partition, (answer.number(2), offset)

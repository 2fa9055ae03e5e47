"""Every setting of librdkafka that hides, retries, buffers or guesses, pinned.

The defaults named in the comments are those of librdkafka 2.16 (its ``CONFIGURATION.md``); they
differ from the Java client's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from harness.backends.kafka.cluster import MAX_MESSAGE
from harness.model.consumer import ConsumerConfig, Start

Protocol = Literal["classic", "consumer"]
"""``classic``: the client computes assignments; ``consumer``: the broker does (KIP-848)."""

DELIVERY_TIMEOUT = 10.0
"""Seconds after which the producer gives a message up (default 300): it belongs to the producer, not
to a publish, whose own timeout may end earlier."""

Settings = dict[str, Any]


def connection(bootstrap: str, name: str) -> Settings:
    """What every client shares; ``bootstrap`` lists the addresses of one link."""
    return {
        "bootstrap.servers": bootstrap,
        "client.id": name,
        "broker.address.family": "v4",
        "socket.timeout.ms": 2000,  # 60 s: a frozen leader would hold a message until it expires
        "socket.connection.setup.timeout.ms": 2000,  # 30 s
        "api.version.request.timeout.ms": 2000,  # 10 s
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,  # 10 s
        "retry.backoff.ms": 50,
        "retry.backoff.max.ms": 500,
        "topic.metadata.refresh.interval.ms": 1000,  # 5 min
        "topic.metadata.propagation.max.ms": 2000,  # 30 s; a topic is known everywhere once it is created
        "allow.auto.create.topics": False,
        "enable.metrics.push": False,  # telemetry is traffic that no operation of ours asked for
        "log_level": 0,  # it writes to stderr past Python; what it has to say comes as errors and statistics
    }


def producing(shared: Settings, statistics: Callable[[str], None], error: Callable[[Any], None]) -> Settings:
    """An idempotent producer: what it sends again inside one publish, the broker stores once."""
    return shared | {
        "enable.idempotence": True,  # false
        "acks": "all",
        "max.in.flight": 5,  # 1000000; what idempotence allows
        "message.timeout.ms": int(DELIVERY_TIMEOUT * 1000),
        "linger.ms": 0,  # 5
        "message.max.bytes": MAX_MESSAGE,
        "partitioner": "murmur2",  # the Java client's, and also for an empty key always the same partition
        "compression.type": "none",
        "statistics.interval.ms": 500,  # never; they tell whether a broker answers
        "stats_cb": statistics,
        "error_cb": error,
    }


def consuming(
    shared: Settings,
    config: ConsumerConfig,
    protocol: Protocol,
    statistics: Callable[[str], None],
) -> Settings:
    """A member of a group that commits nothing by itself."""
    return (
        shared
        | _reading()
        | _membership(config, protocol)
        | {
            "group.id": config.group,
            "auto.offset.reset": "earliest" if config.start is Start.EARLIEST else "latest",
            "statistics.interval.ms": 500,
            "stats_cb": statistics,
            "error_cb": ignore,
        }
    )


def reading_log(shared: Settings) -> Settings:
    """A consumer outside of any group; librdkafka wants a group's name all the same."""
    return (
        shared
        | _reading()
        | {
            "group.id": "harness-log",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "error_cb": ignore,
        }
    )


def ignore(_error: object) -> None:
    """An error callback: information, not an outcome; without one librdkafka logs to stderr."""


def _reading() -> Settings:
    return {
        "enable.auto.commit": False,  # true: it would acknowledge what nobody has processed
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "check.crcs": True,  # false: an altered message would be handed over
        "fetch.wait.max.ms": 100,  # 500; as long as a partition waits for its turn after a seek
        "fetch.error.backoff.ms": 100,
        "fetch.message.max.bytes": MAX_MESSAGE,
        "receive.message.max.bytes": 100_000_000,
    }


def _membership(config: ConsumerConfig, protocol: Protocol) -> Settings:
    """With KIP-848 sessions and heartbeats are the broker's, and so is the assignor."""
    session = int(config.session * 1000)
    # The library's own thread keeps a member alive that nobody reads from any more: such a one is silent too.
    polled = {"max.poll.interval.ms": session}  # 5 min
    if protocol == "consumer":
        return polled | {"group.protocol": "consumer", "group.remote.assignor": "uniform"}
    return polled | {
        "group.protocol": "classic",
        "session.timeout.ms": session,  # 45 s
        "heartbeat.interval.ms": max(100, min(300, session // 4)),  # 3 s; how late a rebalance is noticed
        "partition.assignment.strategy": "cooperative-sticky",  # "range,roundrobin", which revoke everything
    }

"""A Kafka cluster's nodes as data: KRaft, every node broker and controller in one.

Clients are told the *advertised* address and go there, so one listener per link is needed: each is
advertised as the link proxy's address of that node and link, which is why no client can slip past
the proxy. Nodes talk over two more listeners, ``INTERNAL`` and ``CONTROLLER``, which the mesh cuts
by port (``INTERNAL_PORT``, ``CONTROLLER_PORT``).

Everything lives below ``DATA``: the configuration and the log directory. The directory is formatted
once; a mark written after the format has ended makes a kill in the middle of it harmless.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.blueprint import DATA, Addresses, NodePlan, ProxiedPort
from harness.model.cluster import ClusterSpec
from harness.model.link import Link

INTERNAL_PORT = 9092
CONTROLLER_PORT = 9093
CONTROLLER = "controller"
"""The name of the proxied port behind which a node's controller answers."""

LINK_PORTS = {Link.PUBLISHER: 9094, Link.CONSUMER: 9095, Link.SERVICE: 9096, Link.ADMIN: 9097}
MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes the brokers take in one batch, and the client in one message (the defaults are about 1 MB)."""

_PROPERTIES = "server.properties"
_LOGGING = "log4j2.properties"
_LOGGING_OF_3 = "log4j.properties"

_JVM = (
    "java -XX:SharedArchiveFile=/opt/kafka/app.jsa -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off"
    " -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xms128m -Xmx256m -XX:+ExitOnOutOfMemoryError"
    f" -Dlog4j2.configurationFile=file:{DATA}/{_LOGGING} -Dlog4j.configuration=file:{DATA}/{_LOGGING_OF_3}"
    " -cp '/opt/kafka/libs/*'"
)

_SETTINGS = {
    "process.roles": "broker,controller",
    "log.dirs": f"{DATA}/log",
    "inter.broker.listener.name": "INTERNAL",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "auto.leader.rebalance.enable": "false",  # else leaders move five minutes in, and no fault did it
    "unclean.leader.election.enable": "false",
    "message.max.bytes": str(MAX_MESSAGE),
    "replica.fetch.max.bytes": str(MAX_MESSAGE),
    "log.retention.hours": "-1",
    "log.cleaner.dedupe.buffer.size": "4194304",  # the default, 128 MB, is half of our heap
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "num.network.threads": "1",  # of each listener, and there are six
    "num.io.threads": "4",
    # A failover has to cost seconds; the defaults are 9 s, 2 s, 30 s and 30 s.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.socket.timeout.ms": "2000",  # 30 s: what a broker forwards would wait for a frozen controller
    "replica.lag.time.max.ms": "3000",
    "replica.socket.timeout.ms": "3000",
    # Groups: join at once, and let a case choose sessions shorter than the brokers' minimums.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.session.timeout.ms": "6000",
    "group.consumer.min.heartbeat.interval.ms": "300",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.share.min.session.timeout.ms": "1000",
    "group.share.session.timeout.ms": "6000",
    "group.share.min.heartbeat.interval.ms": "300",
    "group.share.heartbeat.interval.ms": "500",
    "group.share.min.record.lock.duration.ms": "1000",
}


@dataclass(frozen=True, slots=True)
class KafkaBlueprint:
    """The nodes of a Kafka cluster (``engine.blueprint.Blueprint``)."""

    backend: str = "kafka"
    megabytes: int = 400

    def ports(self) -> Sequence[ProxiedPort]:
        """One listener for each link, and each node's controller for our own eyes alone."""
        clients = (ProxiedPort(link, port) for link, port in LINK_PORTS.items())
        return (*clients, ProxiedPort(Link.ADMIN, CONTROLLER_PORT, CONTROLLER))

    def node(self, spec: ClusterSpec, node: str, addresses: Addresses) -> NodePlan:
        """How ``node`` runs; java replaces the shell, so that it is the one to get SIGTERM."""
        cluster_id = _cluster_id(addresses)
        script = (
            f'set -e; cd {DATA}; run() {{ {_JVM} "$@"; }}; '
            f"[ -f formatted ] || {{ run kafka.tools.StorageTool format --ignore-formatted "
            f"-t {cluster_id} -c {_PROPERTIES} && touch formatted; }}; "
            f"exec {_JVM} kafka.Kafka {_PROPERTIES}"
        )
        return NodePlan(
            image=f"broker-harness/kafka:{spec.version}",
            command=("sh", "-c", script),
            files={
                _PROPERTIES: server_properties(spec, node, addresses),
                _LOGGING: _LOGGING_CONFIGURATION,
                _LOGGING_OF_3: _LOGGING_CONFIGURATION_OF_3,
            },
        )


def node_id(node: str) -> int:
    """The broker's and voter's number of a node: ``n3`` is 3."""
    return int(node[1:])


def node_name(number: int) -> str:
    """The node of a broker number, empty for Kafka's -1, which means none."""
    return f"n{number}" if number > 0 else ""


def server_properties(spec: ClusterSpec, node: str, addresses: Addresses) -> str:
    """The configuration file of ``node``.

    A copy of everything is on every node. With three nodes two of them must have a write before it
    is acknowledged, so that one may be lost; that is tier ``rf3``.
    """
    replicas = str(spec.nodes)
    in_sync = "2" if spec.nodes >= 3 else "1"  # noqa: PLR2004 - a majority of three
    settings = {
        "node.id": str(node_id(node)),
        "controller.quorum.voters": ",".join(f"{node_id(n)}@{n}:{CONTROLLER_PORT}" for n in addresses.nodes),
        **_listeners(node, addresses),
        **_SETTINGS,
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": replicas,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _listeners(node: str, addresses: Addresses) -> dict[str, str]:
    """Containers of the cluster's network use the service link, so it alone names an inside address."""
    ports = {"INTERNAL": INTERNAL_PORT} | {link.name: port for link, port in LINK_PORTS.items()}
    advertised = [f"INTERNAL://{node}:{INTERNAL_PORT}"]
    for link in LINK_PORTS:
        book = addresses.inside if link is Link.SERVICE else addresses.outside
        advertised.append(f"{link.name}://{book[node, link, 'client']}")
    names = [*ports, "CONTROLLER"]
    listening = [
        f"{name}://0.0.0.0:{port}" for name, port in (ports | {"CONTROLLER": CONTROLLER_PORT}).items()
    ]
    return {
        "listeners": ",".join(listening),
        "advertised.listeners": ",".join(advertised),
        "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
    }


def _cluster_id(addresses: Addresses) -> str:
    """The same for all nodes of a cluster, and another for each cluster that runs beside it."""
    told = ",".join(f"{key}={address}" for key, address in sorted(addresses.outside.items()))
    digest = hashlib.blake2b(told.encode(), digest_size=16).digest()
    return (
        base64.urlsafe_b64encode(digest).decode().rstrip("=").replace("-", "A")
    )  # a leading dash would be an option


_LOGGING_CONFIGURATION = """\
status = error
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = STDOUT
logger.raft.name = org.apache.kafka.raft
logger.raft.level = info
logger.controller.name = org.apache.kafka.controller
logger.controller.level = info
logger.lifecycle.name = kafka.server.BrokerLifecycleManager
logger.lifecycle.level = info
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.partition.name = kafka.cluster.Partition
logger.partition.level = info
logger.groups.name = org.apache.kafka.coordinator.group
logger.groups.level = info
"""

_LOGGING_CONFIGURATION_OF_3 = """\
log4j.rootLogger=WARN, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c{1})%n
log4j.logger.org.apache.kafka.raft=INFO
log4j.logger.org.apache.kafka.controller=INFO
log4j.logger.kafka.server.BrokerLifecycleManager=INFO
log4j.logger.kafka.server.KafkaRaftServer=INFO
log4j.logger.kafka.cluster.Partition=INFO
log4j.logger.org.apache.kafka.coordinator.group=INFO
"""

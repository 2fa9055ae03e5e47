"""A NATS cluster's nodes as data: the configuration file of each, and the ports clients need.

Everything lives below ``DATA``: the configuration, which is written before the first start, and
JetStream's store. Nodes find one another by name over their routes; clients never learn a node's
own address (``no_advertise``), so that none can slip past the link proxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.blueprint import DATA, Addresses, NodePlan, ProxiedPort
from harness.model.cluster import ClusterSpec
from harness.model.link import Link

CLIENT_PORT = 4222
MONITOR_PORT = 8222
ROUTE_PORT = 6222
MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes of payload and headers the server takes in one message (its own default is 1 MiB)."""

_CONFIGURATION = "nats.conf"


def configuration(spec: ClusterSpec, node: str, peers: Sequence[str]) -> str:
    """The configuration file of ``node``; ``peers`` are the host names of all nodes.

    Pings go out every second and two unanswered ones end a connection, on client connections and
    routes alike: with the server's defaults (2 minutes, at most 30 s between routes) a frozen peer
    or client would be noticed long after every case has ended.
    """
    lines = [
        f"server_name: {node}",
        f"listen: 0.0.0.0:{CLIENT_PORT}",
        f"http: 0.0.0.0:{MONITOR_PORT}",
        f"max_payload: {MAX_PAYLOAD}",
        'ping_interval: "1s"',
        "ping_max: 2",
        *_jetstream(spec),
    ]
    if spec.nodes > 1:
        lines += _routes(peers)
    return "\n".join(lines) + "\n"


def _jetstream(spec: ClusterSpec) -> list[str]:
    """Limits are pinned: the default is three quarters of a disk that all nodes here share."""
    always = ["  sync_interval: always"] if spec.tier.endswith("-always") else []
    store = [f"  store_dir: {DATA}/jetstream", "  max_memory_store: 256MB", "  max_file_store: 8GB"]
    return ["jetstream {", *store, *always, "}"]


def _routes(peers: Sequence[str]) -> list[str]:
    routes = ", ".join(f'"nats://{peer}:{ROUTE_PORT}"' for peer in peers)
    return [
        "cluster {",
        "  name: broker-harness",
        f"  listen: 0.0.0.0:{ROUTE_PORT}",
        f"  routes: [{routes}]",
        "  no_advertise: true",
        "}",
    ]


@dataclass(frozen=True, slots=True)
class NatsBlueprint:
    """The nodes of a NATS cluster (``engine.blueprint.Blueprint``)."""

    backend: str = "nats"
    megabytes: int = 64

    def ports(self) -> Sequence[ProxiedPort]:
        """A client port for each link, and the monitoring port for our own eyes alone."""
        return (
            *(ProxiedPort(link, CLIENT_PORT) for link in Link),
            ProxiedPort(Link.ADMIN, MONITOR_PORT, "monitor"),
        )

    def node(self, spec: ClusterSpec, node: str, addresses: Addresses) -> NodePlan:
        """How ``node`` runs; the server is started by its path, because images differ in entrypoints."""
        return NodePlan(
            image=f"broker-harness/nats:{spec.version}",
            command=("/nats-server", "--config", f"{DATA}/{_CONFIGURATION}"),
            files={_CONFIGURATION: configuration(spec, node, addresses.nodes)},
        )

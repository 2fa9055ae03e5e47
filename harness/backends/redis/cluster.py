"""Redis nodes as data: one server, or a primary and two replicas with a Sentinel beside each.

Both configurations are written once, before the first start; from then on Sentinel and the server
rewrite them (``CONFIG REWRITE``), so that a restarted node comes back with the last role it was
given. Sentinels left to discover one another need 11 s; with replicas and peers written down they
agree at once. A killed primary that is back before it was told of a new one calls itself primary
until a Sentinel corrects it: that window is Redis's own and is kept, only shortened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from harness.engine.blueprint import DATA, Addresses, NodePlan, ProxiedPort
from harness.model.cluster import ClusterSpec
from harness.model.link import Link

PORT = 6379
SENTINEL_PORT = 26379
MASTER = "broker"
"""The name under which the Sentinels know the primary."""

LARGEST = 16 * 1024 * 1024
"""Bytes a key, a payload or a header may have (the server's default of 512 MiB is no use in a test)."""

EVERYSEC, ALWAYS, WAIT, MIN_REPLICAS = "everysec", "always", "wait", "min-replicas"
TIERS = {1: (EVERYSEC, ALWAYS), 3: (EVERYSEC, ALWAYS, WAIT, MIN_REPLICAS)}

_SERVER = f"""\
port {PORT}
protected-mode no
dir {DATA}
save ""
proto-max-bulk-len {LARGEST}
appendonly yes
repl-diskless-sync-delay 0
repl-ping-replica-period 1
repl-timeout 2
"""

_SENTINEL = f"""\
port {SENTINEL_PORT}
protected-mode no
dir /tmp
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-port {SENTINEL_PORT}
"""

# Compiled-in periods, shortened after each start because no configuration line sets them. A Sentinel
# that was frozen for 2 s otherwise abstains for 30 s (TILT); a primary that comes back with the wrong
# role is corrected only after four publish periods (of 2 s); a peer that was not up yet counts as down
# until the next ping period (of 1 s). Two of them depend on others. Five ping periods must be longer
# than the second between two INFOs in a failover, or no replica is ever good enough to be promoted.
# Links must be renewed (after 15 s) well within four publish periods, or the Sentinel of a node that
# was cut off demotes the new primary before it has heard of the failover.
_PERIODS = (
    "info-period 400 ping-period 300 ask-period 200 publish-period 700 tilt-period 1000 "
    "min-link-reconnect-period 500"
)

_BOOT = f"""\
redis-sentinel {DATA}/sentinel.conf &
(until redis-cli -p {SENTINEL_PORT} sentinel debug {_PERIODS}; do sleep 0.05; done) >/dev/null 2>&1 &
exec redis-server {DATA}/redis.conf
"""


class RedisBlueprint:
    """How Redis runs in the engine's containers; the first node is the first primary."""

    backend = "redis"
    megabytes = 48

    def ports(self) -> Sequence[ProxiedPort]:
        """The server and the Sentinel of every node, through each link."""
        return [
            ProxiedPort(link, port, name)
            for link in Link
            for name, port in (("client", PORT), ("sentinel", SENTINEL_PORT))
        ]

    def node(self, spec: ClusterSpec, node: str, addresses: Addresses) -> NodePlan:
        """One server, with a Sentinel where there is anything to fail over to."""
        image = f"broker-harness/redis:{spec.version}"
        files = {"redis.conf": _server(spec, node, addresses.nodes)}
        if len(addresses.nodes) == 1:
            return NodePlan(image, ("sh", "-c", f"exec redis-server {DATA}/redis.conf"), files=files)
        files["sentinel.conf"] = _sentinel(node, addresses.nodes)
        return NodePlan(image, ("sh", "-c", _BOOT), files=files)


def _server(spec: ClusterSpec, node: str, nodes: Sequence[str]) -> str:
    lines = [f"appendfsync {'always' if spec.tier == ALWAYS else 'everysec'}"]
    if len(nodes) > 1:
        lines.append(f"replica-announce-ip {node}")
    if spec.tier == MIN_REPLICAS:
        lines += ["min-replicas-to-write 1", "min-replicas-max-lag 2"]
    if node != nodes[0]:
        lines.append(f"replicaof {nodes[0]} {PORT}")
    return _SERVER + "\n".join(lines) + "\n"


def _sentinel(node: str, nodes: Sequence[str]) -> str:
    lines = [
        f"sentinel myid {_sentinel_id(node)}",
        f"sentinel announce-ip {node}",
        f"sentinel monitor {MASTER} {nodes[0]} {PORT} {len(nodes) // 2 + 1}",
        f"sentinel down-after-milliseconds {MASTER} 1000",
        # Twice this must pass before the same primary may be failed over again (default 2 x 180 s).
        f"sentinel failover-timeout {MASTER} 1000",
        f"sentinel parallel-syncs {MASTER} {len(nodes) - 1}",
        *(f"sentinel known-replica {MASTER} {replica} {PORT}" for replica in nodes[1:]),
        *(
            f"sentinel known-sentinel {MASTER} {peer} {SENTINEL_PORT} {_sentinel_id(peer)}"
            for peer in nodes
            if peer != node
        ),
    ]
    return _SENTINEL + "\n".join(lines) + "\n"


def _sentinel_id(node: str) -> str:
    return hashlib.sha1(node.encode(), usedforsecurity=False).hexdigest()

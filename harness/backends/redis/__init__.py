"""Redis Streams with consumer groups, and Sentinel at three nodes.

What Redis lacks is emulated as its users do, always by one atomic script:

- *lease, redelivery*: live members sweep the pending list and claim what has been idle for a lease;
- *nak, delay, extension*: ``XCLAIM`` with an idle time, which counts no delivery (a delay is at most
  the lease);
- *max deliver, dead letter*: the sweep acknowledges and copies in one script, guarded by ``XACK``'s
  answer, so that two sweepers cannot dead-letter twice; the entry stays in the log;
- *deduplication* (native from 8.6 only): ``SET NX`` and ``XADD`` in one script;
- *in-flight limit*: exact below 100, by reading inside the sweep's script; else each member holds to
  a figure that is at most a tenth of a second old.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.backends.extras import missing_extra
from harness.backends.redis.claims import CLAIMS
from harness.model.capability import Capability
from harness.model.errors import BadOption, MissingExtra

if TYPE_CHECKING:
    from harness.backends.contract import Client, Observer
    from harness.backends.redis.cluster import RedisBlueprint
    from harness.history.records import Function
    from harness.model.claim import Claim
    from harness.model.cluster import Cluster, ClusterSpec
    from harness.model.link import Link
    from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class RedisBackend:
    """Redis Streams; needs the extra ``redis`` as soon as a client is made."""

    name: str = "redis"
    node_counts: tuple[int, ...] = (1, 3)
    capabilities: frozenset[Capability] = frozenset({
        Capability.NAK, Capability.NAK_DELAY, Capability.LEASE, Capability.EXTEND_LEASE, Capability.REJECT,
        Capability.DELIVERY_COUNT, Capability.MAX_DELIVER, Capability.DEAD_LETTER, Capability.DEDUPLICATION,
        Capability.PER_MESSAGE_ACK, Capability.IN_FLIGHT_LIMIT,
    })  # fmt: skip
    claims: tuple[Claim, ...] = CLAIMS

    @property
    def blueprint(self) -> RedisBlueprint:
        """How a node runs in its container."""
        from harness.backends.redis.cluster import RedisBlueprint  # noqa: PLC0415 - see tiers

        return RedisBlueprint()

    def tiers(self, nodes: int) -> tuple[str, ...]:
        """The fsync policies, and at three nodes ``wait`` and ``min-replicas``.

        Raises ``BadOption`` for a count of nodes this backend does not run.
        """
        from harness.backends.redis.cluster import TIERS  # noqa: PLC0415 - imports the engine's part

        if nodes not in TIERS:
            raise BadOption("nodes", nodes, f"redis runs with {' or '.join(map(str, TIERS))}")
        return TIERS[nodes]

    def missing_extra(self) -> str:
        """What to install while redis-py is missing."""
        return missing_extra(self.name, "redis", "redis")

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> Cluster:
        """Start the servers and their Sentinels without waiting for them."""
        from harness.engine.cluster import start_cluster  # noqa: PLC0415 - heavy

        return start_cluster(self.blueprint, spec, owner, cluster_id)

    def client(self, cluster: Cluster, link: Link, name: str) -> Client:
        """A client that has not connected yet; raises ``MissingExtra`` without redis-py."""
        _require_library()
        from harness.backends.redis.client import RedisClient  # noqa: PLC0415 - imports the library

        return RedisClient(cluster, link, name)

    def observer(self, cluster: Cluster) -> Observer:
        """Our eyes on the cluster; raises ``MissingExtra`` without redis-py."""
        _require_library()
        from harness.backends.redis.observer import RedisObserver  # noqa: PLC0415 - imports the library

        return RedisObserver(cluster)

    def classify(self, function: Function, error: Exception) -> Outcome:
        """``FAIL`` for what Redis answers before applying anything, ``INFO`` for the rest."""
        from harness.backends.redis.errors import classify  # noqa: PLC0415 - imports the library

        return classify(function, error)


def _require_library() -> None:
    try:
        import redis  # noqa: F401, PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        raise MissingExtra("redis", "redis") from error


BACKEND = RedisBackend()

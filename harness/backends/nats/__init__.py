"""NATS JetStream: a stream per destination, a durable pull consumer per group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.backends.extras import missing_extra
from harness.backends.nats.claims import CLAIMS
from harness.backends.nats.cluster import NatsBlueprint
from harness.backends.nats.errors import classify
from harness.model.capability import Capability
from harness.model.claim import Claim
from harness.model.errors import MissingExtra
from harness.model.outcome import Outcome

if TYPE_CHECKING:
    from harness.backends.nats.client import NatsClient
    from harness.backends.nats.observer import NatsObserver
    from harness.history.records import Function
    from harness.model.cluster import Cluster, ClusterSpec
    from harness.model.link import Link

_BLUEPRINT = NatsBlueprint()


@dataclass(frozen=True, slots=True)
class NatsBackend:
    """NATS JetStream and the way we use it (``backends.contract.Backend``)."""

    name: str = "nats"
    node_counts: tuple[int, ...] = (1, 3, 5)
    capabilities: frozenset[Capability] = frozenset(Capability) - {
        Capability.GROUP_ORDER,
        Capability.PARTITIONS,
    }
    claims: tuple[Claim, ...] = CLAIMS
    blueprint: NatsBlueprint = _BLUEPRINT

    def tiers(self, nodes: int) -> tuple[str, ...]:
        """Alone a server has one copy; ``-always`` means an fsync before every acknowledgement."""
        return ("r1", "r1-always") if nodes == 1 else ("r3", "r3-always")

    def missing_extra(self) -> str:
        """What to install while nats-py is missing."""
        return missing_extra(self.name, "nats-py", "nats")

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> Cluster:
        """Start the servers without waiting for them; ``owner`` labels all that is created."""
        from harness.engine.cluster import start_cluster  # noqa: PLC0415 - keeps the engine out of imports

        return start_cluster(self.blueprint, spec, owner, cluster_id)

    def client(self, cluster: Cluster, link: Link, name: str) -> NatsClient:
        """A client that is not connected yet; raises ``MissingExtra`` without the library."""
        try:
            from harness.backends.nats.client import NatsClient  # noqa: PLC0415 - the library is optional
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "nats":
                raise
            raise MissingExtra(self.name, "nats-py") from error
        return NatsClient(cluster, link, name)

    def observer(self, cluster: Cluster) -> NatsObserver:
        """Our own eyes on the cluster; needs no client library."""
        from harness.backends.nats.observer import NatsObserver  # noqa: PLC0415 - asyncio only when used

        return NatsObserver(cluster)

    def classify(self, function: Function, error: Exception) -> Outcome:
        """See ``backends.nats.errors``."""
        return classify(function, error)


BACKEND = NatsBackend()

"""The reference backend: a broker inside this process, with faults of its own.

It answers the contract as the containers do, so that everything but the engine is tested without
one. A broken broker in its place shows that a checker finds what it is there to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.backends.memory.broker import Broker
from harness.backends.memory.claims import CLAIMS
from harness.backends.memory.client import MemoryClient
from harness.backends.memory.cluster import MemoryCluster
from harness.backends.memory.errors import outcome_of
from harness.backends.memory.observer import MemoryObserver
from harness.model.capability import Capability
from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from harness.history.records import Function
    from harness.model.claim import Claim
    from harness.model.cluster import Cluster, ClusterSpec
    from harness.model.link import Link
    from harness.model.outcome import Outcome


@dataclass(frozen=True, slots=True)
class MemoryBackend:
    """See ``harness.backends.contract.Backend``.

    ``broker`` is the class of the state machine, the reference or a broken one. ``election`` and
    ``patience`` are in seconds: how long a lost leader takes to be replaced, and how long a client
    waits where the contract names no time.
    """

    broker: type[Broker] = Broker
    election: float = 0.05
    patience: float = 2.0
    name: str = "memory"
    node_counts: tuple[int, ...] = (1, 3, 5)
    capabilities: frozenset[Capability] = frozenset(Capability)
    claims: tuple[Claim, ...] = CLAIMS

    def tiers(self, nodes: int) -> tuple[str, ...]:
        """``r1``: one copy of each destination; ``r3``: a majority of three."""
        return ("r1",) if nodes == 1 else ("r3", "r1")

    def missing_extra(self) -> str:
        """Nothing: it is all here."""
        return ""

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> MemoryCluster:  # noqa: ARG002 - nothing is left behind
        """Make a cluster, which is ready at once, of this process alone, and leaves nothing behind to label.

        Raises ``BadOption`` for a count of nodes and ``UnknownName`` for a tier that it cannot have.
        """
        if spec.nodes not in self.node_counts:
            raise BadOption("nodes", spec.nodes, f"the memory backend runs {self.node_counts} nodes")
        if spec.tier not in self.tiers(spec.nodes):
            raise UnknownName("tier", spec.tier, self.tiers(spec.nodes))
        return MemoryCluster(spec, self.broker(), election=self.election, patience=self.patience)

    def client(self, cluster: Cluster, link: Link, name: str) -> MemoryClient:
        """Make a client; it connects when told to."""
        return MemoryClient(_own(cluster), link, name)

    def observer(self, cluster: Cluster) -> MemoryObserver:
        """Make an observer."""
        return MemoryObserver(_own(cluster))

    def classify(self, function: Function, error: Exception) -> Outcome:  # noqa: ARG002 - the error alone decides
        """``FAIL`` for a refusal and for what was never sent, ``INFO`` for everything else."""
        return outcome_of(error)


def _own(cluster: Cluster) -> MemoryCluster:
    if not isinstance(cluster, MemoryCluster):
        raise BadOption("cluster", cluster, "the memory backend has only clusters of this process")
    return cluster


BACKEND = MemoryBackend()

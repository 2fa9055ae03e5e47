"""Kafka: consumer groups on replicated logs, through confluent-kafka (librdkafka)."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.backends.extras import missing_extra
from harness.backends.kafka.claims import CLAIMS
from harness.model.capability import Capability
from harness.model.errors import MissingExtra
from harness.model.outcome import Outcome

if TYPE_CHECKING:
    from harness.backends.kafka.client import KafkaClient
    from harness.backends.kafka.observer import KafkaObserver
    from harness.engine.blueprint import Blueprint
    from harness.history.records import Function
    from harness.model.claim import Claim
    from harness.model.cluster import Cluster, ClusterSpec
    from harness.model.link import Link


@dataclass(frozen=True, slots=True)
class KafkaBackend:
    """Kafka as we use it (``backends.contract.Backend``).

    ``protocol`` is how groups agree on partitions: ``classic``, or ``consumer`` (KIP-848, brokers
    from 4.0).
    """

    name: str = "kafka"
    protocol: Literal["classic", "consumer"] = "classic"
    node_counts: tuple[int, ...] = (1, 3)
    claims: tuple[Claim, ...] = CLAIMS

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What a group can do.

        Absent: leases (a member has a session, a message has nothing), deduplication by key,
        acknowledging one message without those before it, a delivery count of the broker's own, and
        a bound on the whole group's open deliveries.
        """
        return frozenset(
            {
                Capability.NAK,
                Capability.NAK_DELAY,
                Capability.REJECT,
                Capability.MAX_DELIVER,
                Capability.DEAD_LETTER,
                Capability.GROUP_ORDER,
                Capability.PARTITIONS,
            },
        )

    @property
    def blueprint(self) -> Blueprint:
        """The nodes as data."""
        from harness.backends.kafka.cluster import KafkaBlueprint  # noqa: PLC0415

        return KafkaBlueprint()

    def tiers(self, nodes: int) -> tuple[str, ...]:
        """``rf1``: one copy; ``rf3``: three, of which two must have a write before it is acknowledged."""
        return ("rf3",) if nodes >= 3 else ("rf1",)  # noqa: PLR2004

    def missing_extra(self) -> str:
        """What to install while confluent-kafka is missing."""
        return missing_extra(self.name, "confluent-kafka", "confluent_kafka")

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> Cluster:
        """Start the nodes without waiting for them."""
        from harness.engine.cluster import start_cluster  # noqa: PLC0415 - brings the engine's client

        return start_cluster(self.blueprint, spec, owner, cluster_id)

    def client(self, cluster: Cluster, link: Link, name: str) -> KafkaClient:
        """A client, not yet connected; raises ``MissingExtra`` without confluent-kafka."""
        if importlib.util.find_spec("confluent_kafka") is None:
            raise MissingExtra("kafka", "confluent-kafka")
        from harness.backends.kafka.client import KafkaClient  # noqa: PLC0415 - brings librdkafka

        return KafkaClient(cluster, link, name, self.protocol)

    def observer(self, cluster: Cluster) -> KafkaObserver:
        """Our own eyes; needs no client library."""
        from harness.backends.kafka.observer import KafkaObserver  # noqa: PLC0415

        return KafkaObserver(cluster)

    def classify(self, function: Function, error: Exception) -> Outcome:
        """Whether an exception is a definite failure; without the library all is unknown."""
        if importlib.util.find_spec("confluent_kafka") is None:
            return Outcome.INFO
        from harness.backends.kafka.errors import classify  # noqa: PLC0415 - brings librdkafka

        return classify(function, error)


BACKEND = KafkaBackend()

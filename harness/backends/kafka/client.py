"""One logical Kafka client over one link: a producer, its subscriptions, and questions to the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import Consumer

from harness.backends.kafka import log, settings
from harness.backends.kafka.admin import Admin
from harness.backends.kafka.consumer import KafkaSubscription
from harness.backends.kafka.errors import ClientClosed
from harness.backends.kafka.lane import bounded, once
from harness.backends.kafka.producer import Publisher
from harness.backends.kafka.requests import End
from harness.model.cluster import Cluster
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.link import Link
from harness.model.message import Message, Receipt, Stored


class KafkaClient:
    """One client (``backends.contract.Client``); librdkafka reconnects by itself."""

    def __init__(self, cluster: Cluster, link: Link, name: str, protocol: settings.Protocol) -> None:
        endpoints = (cluster.endpoint(node, link) for node in cluster.nodes)
        self._shared = settings.connection(",".join(map(str, endpoints)), name)
        self._admin = Admin(cluster, link)
        self._name = name
        self._closed = False
        self._protocol = protocol
        self._publisher: Publisher | None = None
        self._subscriptions: list[KafkaSubscription] = []
        self._ending: set[asyncio.Task[None]] = set()

    async def connect(self) -> None:
        """Connect; raises ``KafkaException`` (``_TRANSPORT``) when no broker answers within 2 s."""
        publisher = self._producing()
        await once(publisher.reach)
        publisher.pulse.answered = True

    async def disconnect(self) -> None:
        """Close everything; unreported publishes end as unknown. Returns within 2 s, whatever happens."""
        self._closed = True
        publisher, self._publisher = self._publisher, None
        endings = [subscription.close() for subscription in self._subscriptions]
        if publisher is not None:
            endings.append(publisher.close())
        self._subscriptions.clear()
        await bounded(asyncio.gather(*endings, return_exceptions=True), 2.0)

    @property
    def is_connected(self) -> bool:
        """Whether the producer has a connection to any broker, as of the last half second."""
        return self._publisher is not None and self._publisher.pulse.connected

    async def create_destination(self, destination: Destination) -> None:
        """Create the topic, and its dead letter; an existing one of the same shape will do.

        Raises ``KafkaException`` when the controller refuses, ``DeadlineExceeded`` when leaders or
        replicas are missing after ten seconds.
        """
        await self._admin.create(destination)
        if destination.dead_letter is not None:
            await self._admin.create(destination.dead_letter)

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        """Publish once; see ``Publisher.publish``."""
        return await self._producing().publish(destination.name, message, timeout)

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> KafkaSubscription:
        """Join the group, and return with the first assignment."""
        if self._closed:
            raise ClientClosed(self._name)
        if self._protocol == "consumer":
            await self._admin.set_session(config)
        subscription = KafkaSubscription(
            partial(self._consumer, config),
            destination,
            config,
            self._publish_dead_letter,
        )
        self._subscriptions.append(subscription)
        await subscription.join()
        return subscription

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """The log of every partition, up to where it ended when the reading began."""
        ends = await self._admin.ends(destination, End.LATEST)
        return await once(partial(log.read, self._shared, destination, ends))

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """The group's lag by committed offsets; what is delivered and open counts as lag, not as pending.

        ``position`` is the sum of the committed offsets of all partitions.
        """
        return await self._admin.backlog(destination, group)

    def _producing(self) -> Publisher:
        """The producer; a new one in place of one that had a fatal error."""
        if self._closed:
            raise ClientClosed(self._name)
        if self._publisher is not None and self._publisher.fatal:
            ending = asyncio.ensure_future(self._publisher.close())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            self._publisher = None
        if self._publisher is None:
            self._publisher = Publisher(self._shared)
        return self._publisher

    def _consumer(self, config: ConsumerConfig, statistics: Callable[[str], None]) -> Consumer:
        return Consumer(settings.consuming(self._shared, config, self._protocol, statistics))

    async def _publish_dead_letter(self, destination: Destination, message: Message) -> Receipt:
        return await self.publish(destination, message, settings.DELIVERY_TIMEOUT)

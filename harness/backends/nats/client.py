"""The operations of a client: streams, publishing, groups, and the figures of both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from nats import errors
from nats.js import api

from harness.backends.nats.cluster import MAX_PAYLOAD
from harness.backends.nats.connection import Connection
from harness.backends.nats.dead_letters import DeadLetters
from harness.backends.nats.stored import read_stream
from harness.backends.nats.subscription import NatsSubscription
from harness.backends.nats.wire import (
    advisories_name,
    advisories_subject,
    encode_headers,
    native_name,
    stream_name,
    wire_size,
)
from harness.model.cluster import Cluster
from harness.model.consumer import AckPolicy, Backlog, ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import BadOption, DeadlineExceeded
from harness.model.link import Link
from harness.model.message import Message, Position, Receipt, Stored

_API = 5.0
_REPLICATED = 10.0
_POLL = 0.05


class NatsClient:
    """One client over one link (``backends.contract.Client``)."""

    def __init__(self, cluster: Cluster, link: Link, name: str) -> None:
        self._connection = Connection(cluster, link, name)
        self._js = self._connection.nats.jetstream(timeout=_API)

    async def connect(self) -> None:
        """Connect to whichever node answers; raises ``DeadlineExceeded`` after 10 s."""
        await self._connection.open()

    async def disconnect(self) -> None:
        """Close for good; never raises, returns within 2 s even when the broker is gone."""
        await self._connection.close()

    @property
    def is_connected(self) -> bool:
        """Whether the library believes to be connected; a frozen server is noticed after 3 s."""
        return self._connection.nats.is_connected

    async def create_destination(self, destination: Destination) -> None:
        """Create the stream; with a dead letter, that one and the stream of announcements too.

        Raises ``DeadlineExceeded`` when a stream has no leader and replicas after 10 s, and
        ``BadOption`` for more than one partition.
        """
        if destination.partitions != 1:
            raise BadOption("partitions", destination.partitions, "a NATS stream is one ordered log")
        await self._create_stream(stream_name(destination), destination.name, destination)
        if destination.dead_letter is not None:
            await self._create_stream(
                advisories_name(destination),
                advisories_subject(destination),
                destination,
            )
            await self.create_destination(destination.dead_letter)

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        """Publish once and wait ``timeout`` seconds for the stream's acknowledgement.

        A message too large with its headers is refused here (``MaxPayloadError``): the library looks
        at the payload alone, and the server ends the connection of a client that sends more.
        """
        headers = encode_headers(message)
        if wire_size(message.payload, headers) > MAX_PAYLOAD:
            raise errors.MaxPayloadError
        ack = await self._js.publish(destination.name, message.payload, timeout=timeout, headers=headers)
        return Receipt(Position(0, ack.seq), deduplicated=bool(ack.duplicate))

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> NatsSubscription:
        """Join the group's durable pull consumer, creating it if it is new."""
        await self._js.add_consumer(stream_name(destination), _consumer(destination, config))
        buries = destination.dead_letter is not None and config.max_deliver is not None
        if buries:
            await self._js.add_consumer(advisories_name(destination), _announcements(destination, config))
        dead_letters = DeadLetters(self._connection, self._js, destination, config.group, sweeps=buries)
        subscription = NatsSubscription(self._connection, destination, config, dead_letters)
        await subscription.open()
        return subscription

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """Everything the stream's leader holds, in order; deleted messages leave gaps."""
        return await read_stream(self._connection.nats, stream_name(destination))

    async def backlog(self, destination: Destination, group: str) -> Backlog:
        """The consumer's own figures; ``position`` is the stream sequence of its acknowledgement floor."""
        info = await self._js.consumer_info(stream_name(destination), native_name(group))
        floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
        return Backlog(lag=info.num_pending, pending=info.num_ack_pending, position=floor or None)

    async def _create_stream(self, name: str, subject: str, destination: Destination) -> None:
        config = api.StreamConfig(
            name=name,
            subjects=[subject],
            retention=api.RetentionPolicy.LIMITS,
            discard=api.DiscardPolicy.OLD,
            storage=api.StorageType.FILE,
            num_replicas=destination.replicas,
            duplicate_window=destination.deduplication_window,
        )
        await self._js.add_stream(config)
        deadline = time.monotonic() + _REPLICATED
        while missing := _missing(await self._js.stream_info(name), destination.replicas):
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"stream {name} with leader and replicas", _REPLICATED, missing)
            await asyncio.sleep(_POLL)


def _missing(info: api.StreamInfo, replicas: int) -> str:
    """What a stream still lacks; a server that stands alone says nothing of leaders."""
    if info.cluster is None:
        return ""
    if not info.cluster.leader:
        return "no leader"
    current = [peer.name for peer in info.cluster.replicas or () if peer.current and not peer.offline]
    return "" if len(current) == replicas - 1 else f"leader {info.cluster.leader}, current replicas {current}"


def _consumer(destination: Destination, config: ConsumerConfig) -> api.ConsumerConfig:
    """Without acknowledgements there is neither a lease nor a limit of attempts to set."""
    name = native_name(config.group)
    acknowledges = config.ack_policy is not AckPolicy.NONE
    return api.ConsumerConfig(
        name=name,
        durable_name=name,
        deliver_policy=api.DeliverPolicy.ALL if config.start is Start.EARLIEST else api.DeliverPolicy.NEW,
        ack_policy=api.AckPolicy(config.ack_policy.value),
        ack_wait=config.lease if acknowledges else None,
        max_deliver=(config.max_deliver or -1) if acknowledges else None,
        max_ack_pending=config.in_flight if acknowledges else None,
        num_replicas=destination.replicas,
    )


def _announcements(destination: Destination, config: ConsumerConfig) -> api.ConsumerConfig:
    """The lease is short: a member that dies while it buries is relieved by the next one."""
    name = native_name(config.group)
    return api.ConsumerConfig(
        name=name,
        durable_name=name,
        filter_subject=advisories_subject(destination, name),
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=5.0,
        num_replicas=destination.replicas,
    )

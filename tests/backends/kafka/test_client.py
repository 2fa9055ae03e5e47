"""The client on librdkafka's own mock cluster: what it can show without a broker, and what it refuses."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer

from harness.backends.kafka import BACKEND, KafkaBackend, settings
from harness.backends.kafka.errors import ClientClosed
from harness.model.capability import Capability
from harness.model.claim import Guarantee, Promise
from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.consumer import ConsumerConfig, Start
from harness.model.destination import Destination
from harness.model.errors import MissingExtra
from harness.model.link import Link
from harness.model.message import Message

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders", partitions=4)


class MockCluster:
    """The brokers that librdkafka keeps for its own tests, behind every link."""

    spec = ClusterSpec("kafka", "mock", 2, "rf1")

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._endpoints = {f"n{i + 1}": endpoint for i, endpoint in enumerate(endpoints)}
        self.nodes = tuple(self._endpoints)

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        return self._endpoints[node]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Return two mock brokers, which create a topic of four partitions when it is first asked for."""
    host = Producer({"test.mock.num.brokers": 2, "log_level": 0})
    brokers = host.list_topics(timeout=5).brokers.values()
    host.list_topics(ORDERS.name, timeout=5)
    yield MockCluster([Endpoint(broker.host, broker.port) for broker in brokers])
    host.close()


@pytest.fixture
def unused_tcp_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
async def client(cluster: Any) -> Any:
    """Return a connected client."""
    made = BACKEND.client(cluster, Link.PUBLISHER, "publisher-1")
    await made.connect()
    yield made
    await made.disconnect()


async def test_a_receipt_says_where_the_message_stands(client: Any) -> None:
    """Messages of one key follow one another in one partition; an empty key is a key like any other."""
    for key in (b"k", b""):
        receipts = [await client.publish(ORDERS, Message(f"p-{i}", key=key), 5.0) for i in range(3)]
        assert len({receipt.position.partition for receipt in receipts}) == 1
        majors = [receipt.position.major for receipt in receipts]
        assert majors == list(range(majors[0], majors[0] + 3))


async def test_what_was_published_is_read_back_byte_for_byte(client: Any) -> None:
    """Payload, key and headers survive, also when they are empty or not text; ids travel along."""
    sent = [
        Message("r-0"),
        Message("r-1", b"\x00\xff" * 500, b"\x00key", {"h": "ü", "empty": ""}),
    ]
    places = [(await client.publish(ORDERS, message, 5.0)).position for message in sent]
    log = {stored.position: stored.message for stored in await client.read_log(ORDERS)}
    assert [log[place] for place in places] == sent
    assert list(log) == sorted(log)


async def test_connecting_where_nobody_answers_raises(
    unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client does not pretend to be connected."""
    monkeypatch.setattr("harness.backends.kafka.producer._ANSWER", 0.1)
    nobody: Any = MockCluster([Endpoint("127.0.0.1", unused_tcp_port)])
    lonely = BACKEND.client(nobody, Link.PUBLISHER, "publisher-1")
    with pytest.raises(KafkaException):
        await lonely.connect()
    assert not lonely.is_connected
    with pytest.raises(TimeoutError):
        await lonely.publish(ORDERS, Message("p-0"), 0.05)
    await lonely.disconnect()


async def test_a_publish_that_is_closed_upon_ends_as_unknown(unused_tcp_port: int) -> None:
    """Nothing is sent after closing, and nobody is left waiting."""
    nobody: Any = MockCluster([Endpoint("127.0.0.1", unused_tcp_port)])
    lonely = BACKEND.client(nobody, Link.PUBLISHER, "publisher-1")
    waiting = asyncio.ensure_future(lonely.publish(ORDERS, Message("p-0"), 5.0))
    await asyncio.sleep(0.1)
    await lonely.disconnect()
    with pytest.raises(KafkaException, match="Purged"):
        await waiting


async def test_a_disconnected_client_refuses(client: Any) -> None:
    """Every use is a definite error, closing again is not; its threads are gone."""
    assert client.is_connected
    await client.disconnect()
    await client.disconnect()
    assert not client.is_connected
    with pytest.raises(ClientClosed):
        await client.publish(ORDERS, Message("p-0"), 1.0)
    with pytest.raises(ClientClosed):
        await client.subscribe(ORDERS, ConsumerConfig("billing"))
    assert not [thread for thread in threading.enumerate() if thread.name == "kafka-producer"]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_no_default_is_left_that_hides_something(protocol: Any) -> None:
    """Nothing commits, creates or retries beyond what one operation is; groups are as configured."""
    shared = settings.connection("127.0.0.1:1", "c")
    producing = settings.producing(shared, settings.ignore, settings.ignore)
    consuming = settings.consuming(shared, ConsumerConfig("g", start=Start.NEW), protocol, settings.ignore)
    assert producing["enable.idempotence"] is True
    assert producing["acks"] == "all"
    assert consuming["enable.auto.commit"] is False
    assert consuming["enable.auto.offset.store"] is False
    assert consuming["auto.offset.reset"] == "latest"
    assert consuming.get("session.timeout.ms") == (6000 if protocol == "classic" else None)
    for each in (producing, consuming, settings.reading_log(shared)):
        assert each["allow.auto.create.topics"] is False
        assert each["log_level"] == 0


def test_the_backend_says_what_it_can() -> None:
    """Tiers follow the nodes, and what groups do not have is not claimed."""
    assert BACKEND.tiers(1) == ("rf1",)
    assert BACKEND.tiers(3) == ("rf3",)
    assert Capability.NAK_DELAY in BACKEND.capabilities
    assert not BACKEND.capabilities & {Capability.LEASE, Capability.PER_MESSAGE_ACK, Capability.DEDUPLICATION}
    assert KafkaBackend("kafka-848", protocol="consumer").protocol == "consumer"


def test_every_claim_has_words_and_a_place() -> None:
    """A claim stands on a sentence of the documentation, and excuses only under a condition."""
    known = {"rf1", "rf3"}
    for claim in BACKEND.claims:
        assert claim.source.startswith("https://github.com/apache/kafka/")
        assert len(claim.quote.split()) >= 5
        assert set(claim.tiers) <= known
        assert (claim.promise is Promise.PROMISED) == (claim.condition == "")
    promised = {claim.guarantee for claim in BACKEND.claims if "rf3" in (claim.tiers or ("rf3",))}
    assert Guarantee.NO_LOSS in promised


def test_without_the_library_a_client_says_what_to_install(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the extra, and can be asked for beforehand."""
    assert BACKEND.missing_extra() == ""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(MissingExtra, match=r"broker-harness\[kafka\]"):
        BACKEND.client(cluster, Link.PUBLISHER, "publisher-1")
    assert "'confluent-kafka'" in BACKEND.missing_extra()

"""Orders and questions over a link, against scripted brokers: who is asked, and what an error becomes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from harness.backends.kafka.admin import Admin
from harness.backends.kafka.requests import End
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.link import Link

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders", partitions=2, replicas=3)
ALL = (1, 2, 3)
LED = {0: (1, 4, ALL, ALL), 1: (2, 4, ALL, ALL)}
CREATE, METADATA, LIST_OFFSETS, OFFSET_FETCH, FIND_COORDINATOR, ALTER = 19, 3, 2, 9, 10, 44


def admin(cluster: Any) -> Admin:
    """An admin over the publisher link of a scripted cluster."""
    return Admin(cluster, Link.PUBLISHER)


def code(raised: pytest.ExceptionInfo[KafkaException]) -> int:
    """The code of the error that was raised."""
    error = raised.value.args[0]
    assert isinstance(error, KafkaError)
    return error.code()


async def test_a_topic_is_created_with_a_majority_in_sync(
    brokers: Any, bodies: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three replicas need two, and the wait ends when every answering node knows the topic whole."""
    monkeypatch.setattr("harness.backends.kafka.admin._ANSWER", 0.2)
    node = {CREATE: bodies.created({"t.orders": 0}), METADATA: bodies.metadata(ALL, {"t.orders": LED})}
    cluster = await brokers(node, {}, node)
    await admin(cluster).create(ORDERS)
    [(where, _, version, body)] = [heard for heard in cluster.heard if heard[1] == CREATE]
    assert (where, version) == ("n1", 2)
    assert b"t.orders\x00\x00\x00\x02\x00\x03" in body
    assert b"\x00\x13min.insync.replicas\x00\x012" in body


async def test_an_existing_topic_of_the_same_shape_will_do(brokers: Any, bodies: SimpleNamespace) -> None:
    """Two destinations may share a dead letter."""
    there = bodies.created({"t.orders": KafkaError.TOPIC_ALREADY_EXISTS})
    await admin(
        await brokers({CREATE: there, METADATA: bodies.metadata(ALL, {"t.orders": LED})}),
    ).create(ORDERS)


async def test_a_refusal_is_raised_by_its_code(brokers: Any, bodies: SimpleNamespace) -> None:
    """What the controller says is what the caller gets."""
    refused = bodies.created({"t.orders": KafkaError.INVALID_REPLICATION_FACTOR})
    with pytest.raises(KafkaException, match=r"creating topic t\.orders") as raised:
        await admin(await brokers({CREATE: refused})).create(ORDERS)
    assert code(raised) == KafkaError.INVALID_REPLICATION_FACTOR


async def test_backlog_is_the_ends_minus_what_is_committed(brokers: Any, bodies: SimpleNamespace) -> None:
    """Each leader is asked for its own partitions, the coordinator for the offsets."""
    shared = {METADATA: bodies.metadata(ALL, {"t.orders": LED}), FIND_COORDINATOR: bodies.coordinator(3)}
    cluster = await brokers(
        shared | {LIST_OFFSETS: bodies.offsets("t.orders", {0: (0, 10)})},
        shared | {LIST_OFFSETS: bodies.offsets("t.orders", {1: (0, 20)})},
        shared | {OFFSET_FETCH: bodies.committed("t.orders", {0: (0, 4), 1: (0, 20)})},
    )
    backlog = await admin(cluster).backlog(ORDERS, "billing")
    assert (backlog.lag, backlog.pending, backlog.position) == (6, None, 24)


async def test_a_new_group_lags_by_what_the_log_holds(brokers: Any, bodies: SimpleNamespace) -> None:
    """Without a commit the beginning of the log counts, not offset zero; and there is no position."""
    node = {
        METADATA: bodies.metadata((1,), {"t.orders": {0: (1, 0, (1,), (1,))}}),
        FIND_COORDINATOR: bodies.coordinator(1),
        OFFSET_FETCH: bodies.committed("t.orders", {0: (0, -1)}),
        LIST_OFFSETS: bodies.offsets("t.orders", {0: (0, 7)}),
    }
    cluster = await brokers(node)
    backlog = await admin(cluster).backlog(Destination("t.orders"), "billing")
    assert (backlog.lag, backlog.position) == (0, None)
    asked = [heard[3][-8:] for heard in cluster.heard if heard[1] == LIST_OFFSETS]
    assert [int.from_bytes(each, "big", signed=True) for each in asked] == [End.LATEST, End.EARLIEST]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda b: {METADATA: b.metadata(ALL, {"t.orders": {}})}, KafkaError.UNKNOWN_TOPIC_OR_PART),
        (
            lambda b: {METADATA: b.metadata(ALL, {"t.orders": {0: (-1, 4, ALL, ()), 1: LED[1]}})},
            KafkaError.LEADER_NOT_AVAILABLE,
        ),
        (lambda b: {LIST_OFFSETS: b.offsets("t.orders", {0: (6, -1)})}, KafkaError.NOT_LEADER_FOR_PARTITION),
        (lambda _: {LIST_OFFSETS: b"\x00"}, KafkaError._TRANSPORT),
    ],
    ids=["unknown", "leaderless", "moved", "torn"],
)
async def test_a_question_without_an_answer_raises(
    brokers: Any, bodies: SimpleNamespace, change: Any, expected: int
) -> None:
    """No figure is made up where a leader is missing, has moved, or does not answer."""
    node = {
        METADATA: bodies.metadata(ALL, {"t.orders": LED}),
        LIST_OFFSETS: bodies.offsets("t.orders", {0: (0, 1), 1: (0, 1)}),
    }
    with pytest.raises(KafkaException) as raised:
        await admin(await brokers(*[node | change(bodies)] * 3)).ends(ORDERS, End.LATEST)
    assert code(raised) == expected


async def test_when_no_node_answers_each_is_named(brokers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every node is asked in turn before the question is given up."""
    monkeypatch.setattr("harness.backends.kafka.admin._ANSWER", 0.05)
    with pytest.raises(KafkaException, match=r"n1: TimeoutError.*n2: TimeoutError") as raised:
        await admin(await brokers({}, {})).backlog(ORDERS, "billing")
    assert code(raised) == KafkaError._TRANSPORT


async def test_a_session_is_set_on_the_group(brokers: Any) -> None:
    """With KIP-848 the broker keeps the session, in milliseconds; a refusal is raised."""
    cluster = await brokers({ALTER: bytes(4) + b"\x00\x00\x00\x01" + bytes(2)})
    await admin(cluster).set_session(ConsumerConfig("billing", session=2.5))
    assert b"\x00\x07billing" in cluster.heard[0][3]
    assert b"consumer.session.timeout.ms\x00\x00\x042500" in cluster.heard[0][3]
    cluster.scripts["n1"] = {ALTER: bytes(4) + b"\x00\x00\x00\x01\x00\x28"}
    with pytest.raises(KafkaException) as raised:
        await admin(cluster).set_session(ConsumerConfig("billing"))
    assert code(raised) == KafkaError.INVALID_CONFIG

"""The observer against scripted brokers: where nodes disagree the highest epoch is believed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from harness.backends.kafka import BACKEND
from harness.model.destination import Destination

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders", partitions=2, replicas=3)
GROUPS = "__consumer_offsets"
ALL = (1, 2, 3)
LED_BY_1 = (1, 4, ALL, ALL)


def healthy(bodies: Any) -> dict[int, bytes]:
    """What a node of a healthy cluster answers; the controller is n2."""
    topics = {"t.orders": {0: LED_BY_1, 1: (2, 4, ALL, ALL)}, GROUPS: {0: LED_BY_1}}
    return {
        3: bodies.metadata(ALL, topics),
        10: bodies.coordinator(3),
        18: b"\x00\x00" + bytes(4),
        55: bodies.quorum(2, 9, {1: 200, 2: 0, 3: 500}),
    }


async def test_a_healthy_cluster_is_ready(brokers: Any, bodies: SimpleNamespace) -> None:
    """Nothing keeps it: all see all, all caught up, groups have a coordinator, all in sync."""
    observer = BACKEND.observer(await brokers(*[healthy(bodies)] * 3))
    assert await observer.not_ready() == ""
    assert await observer.controller() == "n2"
    assert await observer.coordinator("billing") == "n3"
    assert await observer.leaders(ORDERS) == ("n1", "n2")
    assert await observer.replicas_in_sync(ORDERS)
    assert await observer.peers_seen_alive("n2") == {"n1", "n3"}
    assert await observer.answers("n1")
    await observer.close()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda b: {3: b.metadata((1, 3), {GROUPS: {0: LED_BY_1}})}, "n1 does not see n2"),
        (lambda b: {55: b.quorum(2, 9, {1: 4000, 2: 0, 3: 0})}, "n1 lags behind controller n2 (4000 ms)"),
        (lambda b: {55: b.quorum(2, 9, {2: 0, 3: 0})}, "n1 lags behind controller n2 (None ms)"),
        (lambda b: {55: b.quorum(-1, 9, {1: -1})}, "no controller"),
        pytest.param(lambda b: {55: b.quorum(2, 9, {2: 0}, error=6)}, "no controller", id="refused"),
        (lambda b: {10: b.coordinator(-1, error=15)}, "no coordinator for groups"),
        (lambda b: {3: b.metadata(ALL, {"t": {0: LED_BY_1}})}, f"{GROUPS} not yet created"),
        (
            lambda b: {3: b.metadata(ALL, {GROUPS: {3: (1, 5, ALL, (1, 3))}})},
            f"{GROUPS}/3: leader n1, in sync [1, 3] of [1, 2, 3]",
        ),
        (
            lambda b: {3: b.metadata(ALL, {GROUPS: {3: (-1, 5, ALL, (2,))}})},
            f"{GROUPS}/3: leader none, in sync [2] of [1, 2, 3]",
        ),
    ],
)
async def test_what_is_missing_is_named(
    brokers: Any, bodies: SimpleNamespace, change: Any, reason: str
) -> None:
    """Each thing a healthy cluster has is asked for, and said when it is not there."""
    observer = BACKEND.observer(await brokers(*[healthy(bodies) | change(bodies)] * 3))
    assert reason in await observer.not_ready()


async def test_a_silent_node_is_not_ready_and_does_not_answer(
    brokers: Any, bodies: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that takes connections and says nothing is found out in the time it has."""
    monkeypatch.setattr("harness.backends.kafka.observer._ANSWER", 0.2)
    observer = BACKEND.observer(await brokers(healthy(bodies), {}, healthy(bodies)))
    assert "n2 does not answer (TimeoutError" in await observer.not_ready()
    assert not await observer.answers("n2")
    with pytest.raises(TimeoutError):
        await observer.peers_seen_alive("n2")


async def test_the_latest_epoch_is_believed(brokers: Any, bodies: SimpleNamespace) -> None:
    """A node that was cut off goes on naming itself; those who know a later epoch outdo it."""
    stale = healthy(bodies) | {55: bodies.quorum(1, 8, {1: 0, 2: 99, 3: 99})}
    moved = {
        3: bodies.metadata((2, 3), {"t.orders": {0: (3, 5, ALL, (2, 3)), 1: (2, 4, ALL, (2, 3))}}),
        55: bodies.quorum(3, 9, {1: 4000, 2: 10, 3: 0}),
    }
    observer = BACKEND.observer(await brokers(stale, moved, moved))
    assert await observer.leaders(ORDERS) == ("n3", "n2")
    assert await observer.controller() == "n3"
    assert not await observer.replicas_in_sync(ORDERS)
    assert await observer.peers_seen_alive("n1") == {"n2", "n3"}
    assert await observer.peers_seen_alive("n2") == {"n3"}


async def test_an_unknown_destination_has_no_leaders(brokers: Any, bodies: SimpleNamespace) -> None:
    """Each partition's leader is the empty name, and nothing is in sync."""
    node = {3: bodies.metadata(ALL, {"t.orders": {}})}
    observer = BACKEND.observer(await brokers(node))
    assert await observer.leaders(ORDERS) == ("", "")
    assert not await observer.replicas_in_sync(ORDERS)


async def test_an_answer_that_ends_too_soon_is_no_answer(brokers: Any, bodies: SimpleNamespace) -> None:
    """A torn response is an error of the connection, like none at all."""
    torn = healthy(bodies) | {3: healthy(bodies)[3][:-5], 18: b"\x00"}
    observer = BACKEND.observer(await brokers(torn))
    assert not await observer.answers("n1")
    with pytest.raises(ConnectionError, match="ends too soon"):
        await observer.peers_seen_alive("n1")

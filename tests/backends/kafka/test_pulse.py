"""The pulse: silence is told only when two looks in a row agree, and of the leaders that matter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.backends.kafka.pulse import Pulse

PARTITIONS = {"0": 1, "1": 2}


def broker(number: int, state: str = "UP", idle: int = 90_000, source: str = "learned") -> dict[str, Any]:
    """A broker as the statistics show it."""
    return {"nodeid": number, "state": state, "rxidle": idle, "source": source}


def look(*brokers: dict[str, Any], leaders: dict[str, int] = PARTITIONS, group: str = "up") -> str:
    """One issue of the statistics."""
    topic = {"partitions": {partition: {"leader": leader} for partition, leader in leaders.items()}}
    named = {str(i): each for i, each in enumerate(brokers)}
    return json.dumps({"brokers": named, "topics": {"t": topic}, "cgrp": {"state": group}})


def seen(*looks: str) -> Pulse:
    """A pulse after these looks."""
    pulse = Pulse()
    for each in looks:
        pulse.hear(each)
    return pulse


HEALTHY = look(broker(1), broker(2))


@pytest.mark.parametrize(
    ("silent", "why"),
    [
        (look(broker(1), broker(2, "APIVERSION_QUERY")), "leader 2 is APIVERSION_QUERY"),
        (look(broker(1), broker(2, idle=2_300_000)), "leader 2 silent for 2.3 s"),
        (look(broker(1), leaders={"0": 1, "1": -1}), "a partition has no leader"),
        (look(broker(1, "DOWN"), broker(2, "TRY_CONNECT")), "no broker is connected"),
    ],
)
def test_a_leader_that_does_not_answer_is_named(silent: str, why: str) -> None:
    """Two looks in a row that show the same silence are believed, one is not."""
    assert seen(silent, silent).silence("t", [0, 1]) == why
    assert seen(HEALTHY, silent).silence("t", [0, 1]) == ""
    assert seen(silent, HEALTHY).silence("t", [0, 1]) == ""
    assert seen(silent).silence("t", [0, 1]) == ""


def test_only_the_leaders_of_ones_own_partitions_count() -> None:
    """A broker that leads nothing of ours may be down."""
    other = look(broker(1), broker(2, "DOWN"))
    assert seen(other, other).silence("t", [0]) == ""


def test_a_connection_not_yet_opened_is_no_silence() -> None:
    """A broker never talked to, and the coordinator's extra connection, say nothing."""
    young = look(broker(1), broker(2, "INIT", -1), broker(2, "DOWN", source="logical"))
    assert seen(young, young).silence("t", [0, 1]) == ""


def test_without_partitions_the_coordinator_counts() -> None:
    """A member with no partitions hears nothing, unless its coordinator is gone."""
    lost = look(broker(1), broker(2), group="query-coord")
    assert seen(HEALTHY, HEALTHY).silence("t", []) == ""
    assert "query-coord" in seen(lost, lost).silence("t", [])


def test_connected_is_as_last_seen() -> None:
    """Before the first statistics an answer counts, after them the state of the connections."""
    pulse = Pulse()
    told = [pulse.connected]
    pulse.answered = True
    told.append(pulse.connected)
    for each in (look(broker(1, "DOWN")), HEALTHY):
        pulse.hear(each)
        told.append(pulse.connected)
    assert told == [False, True, False, True]

"""Outcomes: a failure only where nothing can ever come of it."""

from __future__ import annotations

import sys

import pytest
from confluent_kafka import KafkaError, KafkaException

from harness.backends.kafka import BACKEND
from harness.backends.kafka.errors import ClientClosed, assignment_lost, classify
from harness.history.records import Function
from harness.model.outcome import Outcome

FAIL, INFO = Outcome.FAIL, Outcome.INFO


def raised(code: int, *, fatal: bool = False) -> KafkaException:
    """What a delivery report with this code is raised as."""
    return KafkaException(KafkaError(code, "as it was reported", fatal))


PUBLISH: list[tuple[str, Exception, Outcome]] = [
    ("queue full", BufferError("Local: Queue full"), FAIL),
    ("too large", raised(KafkaError.MSG_SIZE_TOO_LARGE), FAIL),
    ("closed", ClientClosed("publisher-1"), FAIL),
    ("purged in queue", raised(KafkaError._PURGE_QUEUE), INFO),
    ("purged in flight", raised(KafkaError._PURGE_INFLIGHT), INFO),
    ("timed out in queue", raised(KafkaError._TIMED_OUT_QUEUE), INFO),
    ("message timed out", raised(KafkaError._MSG_TIMED_OUT), INFO),
    ("not enough replicas", raised(KafkaError.NOT_ENOUGH_REPLICAS), INFO),
    ("not enough after append", raised(KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND), INFO),
    ("transport", raised(KafkaError._TRANSPORT), INFO),
    ("all brokers down", raised(KafkaError._ALL_BROKERS_DOWN), INFO),
    ("request timed out", raised(KafkaError.REQUEST_TIMED_OUT), INFO),
    ("timed out", raised(KafkaError._TIMED_OUT), INFO),
    ("unknown topic", raised(KafkaError.UNKNOWN_TOPIC_OR_PART), INFO),
    ("unknown topic here", raised(KafkaError._UNKNOWN_TOPIC), INFO),
    ("out of order", raised(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER), INFO),
    ("fenced", raised(KafkaError._FENCED), INFO),
    ("fatal", raised(KafkaError._FATAL, fatal=True), INFO),
    ("too large and fatal", raised(KafkaError._FATAL, fatal=True), INFO),
    ("destroyed", raised(KafkaError._DESTROY), INFO),
    ("lost assignment", assignment_lost("t", 0, 7), INFO),
    ("no report in time", TimeoutError(), INFO),
    ("connection refused", ConnectionRefusedError(), INFO),
    ("not the library's", ValueError("x"), INFO),
    ("without an error", KafkaException(), INFO),
    ("with a text", KafkaException("text"), INFO),
]

SETTLE: list[tuple[str, Exception, Outcome]] = [
    ("lost assignment", assignment_lost("t", 0, 7), FAIL),
    ("closed", ClientClosed("consumer-1"), FAIL),
    ("illegal generation", raised(KafkaError.ILLEGAL_GENERATION), INFO),
    ("rebalance in progress", raised(KafkaError.REBALANCE_IN_PROGRESS), INFO),
    ("unknown member", raised(KafkaError.UNKNOWN_MEMBER_ID), INFO),
    ("fenced member epoch", raised(KafkaError.FENCED_MEMBER_EPOCH), INFO),
    ("stale member epoch", raised(KafkaError.STALE_MEMBER_EPOCH), INFO),
    ("waiting for a coordinator", raised(KafkaError._WAIT_COORD), INFO),
    ("not coordinator", raised(KafkaError.NOT_COORDINATOR), INFO),
    ("no offset", raised(KafkaError._NO_OFFSET), INFO),
    ("too large", raised(KafkaError.MSG_SIZE_TOO_LARGE), INFO),
]


@pytest.mark.parametrize(("error", "outcome"), [row[1:] for row in PUBLISH], ids=[row[0] for row in PUBLISH])
def test_a_publish_ends_as_the_table_says(error: Exception, outcome: Outcome) -> None:
    """Only what the library or every broker refuses each time is a failure; retries hide the rest."""
    assert classify(Function.PUBLISH, error) is outcome


@pytest.mark.parametrize("function", [Function.ACK, Function.NAK, Function.REJECT])
@pytest.mark.parametrize(("error", "outcome"), [row[1:] for row in SETTLE], ids=[row[0] for row in SETTLE])
def test_settling_fails_only_before_anything_is_sent(
    function: Function, error: Exception, outcome: Outcome
) -> None:
    """A commit that was refused may follow one that was taken; one that was never sent may not."""
    assert classify(function, error) is outcome


@pytest.mark.parametrize("function", [Function.RECEIVE, Function.CREATE, Function.READ_LOG, Function.BACKLOG])
def test_everything_else_is_unknown(function: Function) -> None:
    """Other operations have no definite failures but that of a closed client."""
    outcomes = {name: classify(function, error) for name, error, _ in PUBLISH}
    assert {name for name, outcome in outcomes.items() if outcome is FAIL} == {"closed"}


def test_without_the_library_everything_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history can be judged where the client is not installed; its exceptions cannot occur there."""
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert BACKEND.classify(Function.PUBLISH, BufferError()) is INFO

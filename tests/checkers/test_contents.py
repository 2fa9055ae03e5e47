"""Phantoms, failed, altered, misrouted and doubled messages, and two at one position."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checkers.anomaly import Checker
from harness.checkers.failed_stays_out import FailedStaysOut
from harness.checkers.no_altered_messages import NoAlteredMessages
from harness.checkers.no_phantom_messages import NoPhantomMessages
from harness.checkers.no_stored_duplicates import NoStoredDuplicates
from harness.checkers.one_message_per_position import OneMessagePerPosition
from harness.checkers.registry import ALWAYS
from harness.checkers.right_destination import RightDestination
from harness.history.script import Script
from harness.history.view import History
from harness.model.message import Position
from harness.model.outcome import Outcome


def flagged(checker: Checker, history: History) -> list[tuple[str, ...]]:
    """The messages of each anomaly."""
    return [anomaly.messages for anomaly in checker(history)]


@pytest.mark.parametrize("checker", ALWAYS, ids=lambda checker: type(checker).__name__)
def test_a_sound_history_has_no_anomalies(checker: Checker) -> None:
    """Unknown outcomes, redeliveries and late effects are nobody's anomaly."""
    script = Script()
    script.publish("a", key="k")
    script.publish("b", outcome=Outcome.FAIL)
    script.publish("c", outcome=Outcome.INFO)
    script.publish("d", outcome=None)
    script.receive("a", "c")
    script.receive(script.entry("a", attempt=2), "d")
    script.receive("a", group="audit")
    script.read_log("a", "c", "d")
    assert checker(script.history()) == []


def test_a_delivered_message_that_nobody_sent_is_a_phantom() -> None:
    """Its id is in no publish."""
    script = Script()
    script.publish("a")
    op = script.receive("a", "ghost")
    [anomaly] = NoPhantomMessages()(script.history())
    assert anomaly.summary == "1 message (ghost) of orders, group billing, came out, though never sent"
    assert (anomaly.messages, anomaly.evidence) == (("ghost",), (op,))


def test_a_logged_message_that_nobody_sent_is_a_phantom() -> None:
    """A read of the log counts like a delivery, and a message without an id like any other."""
    script = Script()
    script.read_log("ghost", "")
    [anomaly] = NoPhantomMessages()(script.history())
    assert anomaly.summary == "2 messages (ghost, one without an id) of orders came out, though never sent"


def test_where_somebody_writes_unrecorded_nothing_is_a_phantom() -> None:
    """A service under test publishes what no history holds."""
    script = Script()
    script.observe("outside-writer", "results")
    script.receive("x", of="results")
    script.receive("y")
    assert flagged(NoPhantomMessages(), script.history()) == [("y",)]


def test_a_failed_publish_that_comes_out_is_an_anomaly() -> None:
    """``fail`` promises that it never takes effect, by delivery or in the log."""
    script = Script()
    script.publish("a", outcome=Outcome.FAIL)
    script.publish("b", outcome=Outcome.FAIL)
    script.receive("a")
    script.read_log("b")
    anomalies = FailedStaysOut()(script.history())
    assert [(anomaly.messages, anomaly.evidence) for anomaly in anomalies] == [
        (("a",), (1, 3)),
        (("b",), (2, 4)),
    ]


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.INFO, None])
def test_a_failed_message_published_again_may_come_out(outcome: Outcome | None) -> None:
    """The second publish explains the message."""
    script = Script()
    script.publish("a", outcome=Outcome.FAIL)
    script.publish("a", outcome=outcome)
    script.receive("a")
    assert FailedStaysOut()(script.history()) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [({"digest": "other"}, "payload or headers"), ({"key": "other"}, "key")],
    ids=["digest", "key"],
)
def test_a_message_that_comes_out_changed_is_altered(change: dict[str, Any], what: str) -> None:
    """Key, payload and headers arrive as they were sent."""
    script = Script()
    script.publish("a", key="k")
    script.receive(script.entry("a", **change))
    [anomaly] = NoAlteredMessages()(script.history())
    assert anomaly.summary == f"1 message (a) of orders, group billing, came out with another {what}"


def test_a_digest_that_was_not_recorded_alters_nothing() -> None:
    """Nothing can be said of what was not looked at."""
    script = Script()
    script.publish("a")
    script.receive(script.entry("a", digest=""))
    assert NoAlteredMessages()(script.history()) == []


def test_either_of_two_contents_of_one_id_may_come_out() -> None:
    """An id published twice with different keys is compared with both."""
    script = Script()
    script.publish("a", key="k1", outcome=Outcome.INFO)
    script.publish("a", key="k2")
    script.receive(script.entry("a", key="k1"), script.entry("a", key="k2"))
    assert NoAlteredMessages()(script.history()) == []


def test_a_message_that_comes_out_elsewhere_is_misrouted() -> None:
    """It was sent to another destination than the one it came out of."""
    script = Script()
    script.publish("a", to="invoices")
    script.receive("a", of="orders")
    [anomaly] = RightDestination()(script.history())
    assert anomaly.summary.endswith("came out there, though sent to invoices")
    assert anomaly.evidence == (1, 2)


def test_a_message_handed_over_under_another_name_is_misrouted() -> None:
    """The broker names the destination it hands a message over from, and it is not the one asked."""
    script = Script()
    script.publish("a")
    script.receive(script.entry("a", destination="invoices"))
    [anomaly] = RightDestination()(script.history())
    assert anomaly.summary.endswith("came out under the name of 'invoices'")


def test_a_dead_letter_is_the_right_destination_too() -> None:
    """A message may come out of the dead letter of where it was sent, and of no other."""
    script = Script()
    script.observe("dead-letter", "orders", detail="orders.dead")
    script.publish("a")
    script.receive("a", of="orders.dead")
    script.receive("a", of="invoices.dead")
    assert [anomaly.destination for anomaly in RightDestination()(script.history())] == ["invoices.dead"]


def test_two_receipts_for_one_position_are_a_split_brain() -> None:
    """Two nodes each gave the same place away."""
    script = Script()
    script.publish("a", at=7)
    script.publish("b", at=7)
    script.publish("b2", to="invoices", at=7)
    [anomaly] = OneMessagePerPosition()(script.history())
    assert anomaly.summary == "2 messages (a, b) of orders share 1 position, the first (0, 7, 0)"
    assert (anomaly.evidence, anomaly.count) == ((1, 2), 1)


def test_a_delivery_and_a_log_entry_that_differ_at_one_position_are_a_split_brain() -> None:
    """What was delivered from a place is what stands there later."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.publish("b", outcome=Outcome.INFO)
    script.receive(script.entry("a", at=3))
    script.read_log(script.entry("b", at=3))
    assert flagged(OneMessagePerPosition(), script.history()) == [("a", "b")]


def test_a_receipt_and_a_delivery_that_differ_at_one_position_are_a_split_brain() -> None:
    """An acknowledged place taken by another message means that the acknowledgement was void."""
    script = Script()
    script.publish("a", at=3)
    script.publish("b", outcome=Outcome.INFO)
    script.receive(script.entry("b", at=3))
    assert flagged(OneMessagePerPosition(), script.history()) == [("a", "b")]


def test_positions_of_different_partitions_and_destinations_do_not_collide() -> None:
    """A place is within one log."""
    script = Script()
    script.publish("a", at=Position(0, 1))
    script.publish("b", at=Position(1, 1))
    script.publish("c", to="invoices", at=Position(0, 1))
    script.receive("a", "b")
    script.receive("c", of="invoices")
    assert OneMessagePerPosition()(script.history()) == []


def test_a_deduplicated_receipt_names_somebody_elses_place() -> None:
    """It says where the earlier message with the same deduplication key stands."""
    script = Script()
    script.publish("a", at=1)
    script.publish("b", at=1, deduplicated=True)
    script.read_log("a")
    assert OneMessagePerPosition()(script.history()) == []
    assert NoStoredDuplicates()(script.history()) == []


def test_one_publish_at_two_positions_is_a_stored_duplicate() -> None:
    """The broker, or its client unasked, has stored it again."""
    script = Script()
    script.publish("a", at=1)
    op = script.read_log("a", script.entry("a", at=5))
    [anomaly] = NoStoredDuplicates()(script.history())
    assert anomaly.summary == "1 message (a) of orders stored more often than published"
    assert anomaly.evidence == (1, op)


def test_an_unknown_publish_at_two_positions_is_a_stored_duplicate() -> None:
    """Unknown means once or not at all."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.receive(script.entry("a", at=1), script.entry("a", at=2))
    assert flagged(NoStoredDuplicates(), script.history()) == [("a",)]


def test_a_redelivery_is_no_stored_duplicate() -> None:
    """It comes from the same position."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.receive("a")
    script.receive(script.entry("a", attempt=2))
    assert NoStoredDuplicates()(script.history()) == []


def test_every_effective_publish_accounts_for_one_copy() -> None:
    """A message published twice may stand there twice, not three times; a failed publish adds none."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.publish("a")
    script.publish("a", outcome=Outcome.FAIL)
    script.read_log(script.entry("a", at=1), script.entry("a", at=2))
    assert NoStoredDuplicates()(script.history()) == []
    script.read_log(script.entry("a", at=1), script.entry("a", at=2), script.entry("a", at=4))
    assert flagged(NoStoredDuplicates(), script.history()) == [("a",)]


def test_with_one_deduplication_key_one_copy_is_all() -> None:
    """Where publishes of one id carry one key, the second copy is the broker's failure."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.publish("a", at=2)
    script.read_log(script.entry("a", at=1), script.entry("a", at=2))
    assert NoStoredDuplicates()(script.history()) == []
    assert flagged(NoStoredDuplicates(deduplicated=True), script.history()) == [("a",)]


def test_the_copy_in_the_dead_letter_is_no_stored_duplicate() -> None:
    """Copies there are counted by the checker of dead letters."""
    script = Script()
    script.observe("dead-letter", "orders", detail="orders.dead")
    script.publish("a")
    script.read_log(script.entry("a", at=1), script.entry("a", at=2), of="orders.dead")
    assert NoStoredDuplicates()(script.history()) == []

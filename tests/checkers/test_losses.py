"""Lost messages and undelivered ones, and what looks like either but is not."""

from __future__ import annotations

import pytest

from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.no_lost_messages import NoLostMessages
from harness.history.records import Function
from harness.history.script import Script, When
from harness.model.message import Position
from harness.model.outcome import Outcome


def acknowledged(*messages: str, writer: str = "p1") -> Script:
    """A script in which these messages were published and acknowledged."""
    script = Script()
    for message in messages:
        script.publish(message, writer=writer)
    return script


def test_what_was_acknowledged_and_is_in_the_log_is_not_lost() -> None:
    """The ordinary case: everything is there."""
    script = acknowledged("a", "b")
    script.read_log("a", "b")
    history = script.history()
    assert NoLostMessages()(history) == []
    assert NoLostMessages().abstains(history) == []


@pytest.mark.parametrize(
    ("left", "part"),
    [
        ("", "the whole"),
        ("cde", "the prefix"),
        ("abc", "the postfix"),
        ("ade", "a part from the middle"),
        ("bcd", "a part from the middle"),
    ],
)
def test_an_acknowledged_message_missing_from_the_log_is_lost(left: str, part: str) -> None:
    """Which part of a writer's acknowledged messages is gone tells a failover from anything else."""
    script = acknowledged(*"abcde")
    read = script.read_log(*left)
    [anomaly] = NoLostMessages()(script.history())
    assert anomaly.messages == tuple(sorted(set("abcde") - set(left)))
    assert anomaly.count == 5 - len(left)
    assert f"{part} of what it had been acknowledged" in anomaly.summary
    assert anomaly.evidence[-1] == read
    assert anomaly.destination == "orders"


def test_losses_are_told_by_writer() -> None:
    """Each writer's losses are a finding of its own."""
    script = acknowledged("p1-1", "p1-2")
    script.publish("p2-1", writer="p2")
    script.read_log("p1-1")
    rest = "what it had been acknowledged"
    missing = "1 message ({}) acknowledged to {} missing from the log of orders, the {} of {}"
    assert [anomaly.summary for anomaly in NoLostMessages()(script.history())] == [
        missing.format("p1-2", "p1", "postfix", rest),
        missing.format("p2-1", "p2", "whole", rest),
    ]


@pytest.mark.parametrize("outcome", [Outcome.INFO, Outcome.FAIL, None])
def test_only_acknowledged_messages_can_be_lost(outcome: Outcome | None) -> None:
    """A publish whose outcome is unknown may be there or not; a failed one is not."""
    script = Script()
    script.publish("a", outcome=outcome)
    script.read_log()
    assert NoLostMessages()(script.history()) == []


def test_a_lost_message_that_had_been_delivered_is_lost_all_the_same() -> None:
    """Delivery does not replace storage, but the finding says that it happened."""
    script = acknowledged("a")
    script.receive("a")
    script.read_log()
    [anomaly] = NoLostMessages()(script.history())
    assert anomaly.summary.endswith("; 1 of them had been delivered")


def test_a_message_acknowledged_while_the_log_was_read_is_not_judged() -> None:
    """The read began before the message had to be there."""
    script = Script()
    script.publish("a", when=When(5, 25))
    script.read_log(when=When(20, 30))
    assert NoLostMessages()(script.history()) == []


def test_a_log_that_was_not_read_is_no_proof() -> None:
    """Without the whole log the checker abstains, rather than passing in silence."""
    script = acknowledged("a")
    script.read_log(vouched=False)
    history = script.history()
    assert NoLostMessages()(history) == []
    assert NoLostMessages().abstains(history) == [
        "orders: its log was not read whole after healing, so losses cannot be told; case.drained() reads it"
    ]


def test_a_message_moved_to_the_dead_letter_is_not_lost() -> None:
    """Dead-lettering may take a message out of its log; it is in the other one then."""
    script = acknowledged("a", "b")
    script.observe("dead-letter", "orders", detail="orders.dead")
    script.receive("a")
    script.read_log("b")
    script.read_log("a", of="orders.dead")
    history = script.history()
    assert NoLostMessages()(history) == []
    assert NoLostMessages().abstains(history) == []


def test_with_the_dead_letter_unread_a_delivered_message_is_in_doubt_and_others_are_lost() -> None:
    """Only what had been delivered can have been dead-lettered."""
    script = acknowledged("a", "b")
    script.observe("dead-letter", "orders", detail="orders.dead")
    script.receive("a")
    script.read_log()
    history = script.history()
    [anomaly] = NoLostMessages()(history)
    assert anomaly.messages == ("b",)
    [reason] = NoLostMessages().abstains(history)
    assert reason.startswith("orders: 1 message (a) delivered and gone from its log")


def drained(script: Script) -> Script:
    """The same, with the group drained."""
    script.observe("drained", "orders", "billing")
    return script


def test_a_stored_message_that_a_drained_group_never_got_is_stranded() -> None:
    """The message is in the log, later ones came, and it never did."""
    script = acknowledged("a", "b", "marker")
    script.receive("a")
    script.receive("marker")
    read = script.read_log("a", "b", "marker")
    [anomaly] = EverythingDelivered()(drained(script).history())
    assert (anomaly.messages, anomaly.evidence) == (("b",), (2, read))
    assert (anomaly.destination, anomaly.group) == ("orders", "billing")


def test_any_delivery_will_do() -> None:
    """Order and attempts are for other checkers."""
    script = acknowledged("a", "b", "marker")
    script.receive("marker", script.entry("b", attempt=3))
    script.receive("a")
    script.read_log("a", "b", "marker")
    assert EverythingDelivered()(drained(script).history()) == []


def test_what_is_stored_after_the_marker_is_not_owed() -> None:
    """A publish that took effect after the group had been drained is nobody's fault."""
    script = acknowledged("a", "marker")
    script.publish("late", outcome=Outcome.INFO)
    script.receive("a", "marker")
    script.read_log("a", "marker", "late")
    assert EverythingDelivered()(drained(script).history()) == []


def test_each_partition_ends_for_itself() -> None:
    """What one partition has handed out says nothing of another, and an empty one owes everything."""
    script = Script()
    for message, place in {"a": (0, 1), "m0": (0, 2), "b": (1, 1), "c": (2, 1), "m2": (2, 2)}.items():
        script.publish(message, at=Position(*place))
    script.receive("a", "m0", "m2")
    script.read_log("a", "m0", "b", "c", "m2")
    [anomaly] = EverythingDelivered()(drained(script).history())
    assert anomaly.messages == ("b", "c")


def test_a_message_that_is_not_stored_is_not_stranded() -> None:
    """A lost message is another guarantee's."""
    script = acknowledged("a", "marker")
    script.receive("marker")
    script.read_log("marker")
    assert EverythingDelivered()(drained(script).history()) == []


def test_a_second_copy_is_owed_like_the_first() -> None:
    """Stored is stored: each position has to come out."""
    script = acknowledged("a")
    script.publish("marker", at=3)
    script.receive("a", "marker")
    script.read_log("a", script.entry("a", at=2), "marker")
    [anomaly] = EverythingDelivered()(drained(script).history())
    assert anomaly.messages == ("a",)


def test_a_group_that_starts_anew_is_owed_what_came_after_it_joined() -> None:
    """``since_joined`` leaves out what was published before."""
    script = acknowledged("a")
    script.member(Function.SUBSCRIBE)
    script.publish("b")
    script.publish("marker")
    script.receive("marker")
    script.read_log("a", "b", "marker")
    history = drained(script).history()
    assert [anomaly.messages for anomaly in EverythingDelivered()(history)] == [("a", "b")]
    assert [anomaly.messages for anomaly in EverythingDelivered(since_joined=True)(history)] == [("b",)]


def test_an_undrained_group_and_an_unread_log_are_reasons_to_abstain() -> None:
    """What a group was owed cannot be told then."""
    script = acknowledged("a")
    script.receive("a")
    script.receive(group="audit")
    assert EverythingDelivered()(script.history()) == []
    assert len(EverythingDelivered().abstains(script.history())) == 2
    assert len(EverythingDelivered(group="audit").abstains(script.history())) == 1
    [reason] = EverythingDelivered(group="billing").abstains(drained(script).history())
    untold = "so what group billing was owed cannot be told; case.drained() reads it"
    assert reason == f"orders: its log was not read whole, {untold}"

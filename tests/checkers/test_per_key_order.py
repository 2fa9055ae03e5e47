"""Order per writer and key, in the log and in first deliveries."""

from __future__ import annotations

import pytest

from harness.checkers.per_key_order import PerKeyOrder
from harness.history.script import Script, When
from harness.model.message import Position
from harness.model.outcome import Outcome


def flagged(script: Script, checker: PerKeyOrder | None = None) -> list[tuple[str, ...]]:
    """The messages of each anomaly."""
    return [anomaly.messages for anomaly in (checker or PerKeyOrder())(script.history())]


def published(*messages: str) -> Script:
    """A script in which these messages of one key were published one after the other."""
    script = Script()
    for message in messages:
        script.publish(message, key="k")
    return script


def test_messages_stored_and_delivered_as_published_are_in_order() -> None:
    """The ordinary case, redeliveries included."""
    script = published("a", "b", "c")
    script.receive("a", "b")
    script.receive("c", script.entry("a", attempt=2))
    script.read_log("a", "b", "c")
    assert flagged(script) == []


def test_a_message_stored_after_a_later_one_is_an_anomaly() -> None:
    """The earlier had returned before the later was invoked, and the receipts say otherwise."""
    script = Script()
    script.publish("a", at=2)
    script.publish("b", at=1)
    [anomaly] = PerKeyOrder()(script.history())
    assert (anomaly.messages, anomaly.evidence) == (("a",), (1, 2))
    assert anomaly.summary == (
        "1 message (a) of orders stored after messages of the same writer and key that were published later"
    )


def test_the_log_counts_where_it_differs_from_the_receipts() -> None:
    """What stands there now is the order there is."""
    script = published("a", "b")
    script.read_log("b", script.entry("a", at=7))
    assert flagged(script) == [("a",)]


def test_every_message_that_was_overtaken_is_named() -> None:
    """A late message overtaken by two is one; two overtaken by one are two."""
    script = Script()
    for message, place in {"a": 9, "b": 1, "c": 2}.items():
        script.publish(message, at=place)
    assert flagged(script) == [("a",)]
    script = Script()
    for message, place in {"a": 2, "b": 3, "c": 1}.items():
        script.publish(message, at=place)
    assert [set(messages) for messages in flagged(script)] == [{"a", "b"}]


def test_overlapping_publishes_have_no_order() -> None:
    """The later was invoked before the earlier had returned, if only just."""
    script = Script()
    script.publish("a", at=2, when=When(10, 20))
    script.publish("b", at=1, when=When(20, 30))
    assert flagged(script) == []
    script.publish("c", at=0, when=When(21, 30))
    assert flagged(script) == [("a",)]


@pytest.mark.parametrize("outcome", [Outcome.INFO, None])
def test_a_publish_of_unknown_outcome_may_be_applied_at_any_time(outcome: Outcome | None) -> None:
    """It is left out, wherever it is found."""
    script = Script()
    script.publish("a", at=9, outcome=outcome)
    script.publish("b", at=1)
    script.read_log("b", "a")
    assert flagged(script) == []


@pytest.mark.parametrize(
    "second",
    [{"writer": "p2"}, {"key": "k2"}, {"to": "invoices"}, {"at": Position(1, 1)}],
    ids=["writer", "key", "destination", "partition"],
)
def test_only_one_writers_one_key_in_one_partition_is_ordered(second: dict[str, object]) -> None:
    """Nothing else is compared."""
    script = Script()
    script.publish("a", at=5, key="k")
    options = {"at": 1, "key": "k", **second}
    script.publish("b", **options)  # type: ignore[arg-type]
    assert flagged(script) == []


def test_an_id_published_more_than_once_has_no_one_place() -> None:
    """Neither it nor a deduplicated publish is compared."""
    script = Script()
    script.publish("a", at=1)
    script.publish("b", at=2)
    script.publish("a", at=3)
    script.publish("c", at=1, deduplicated=True)
    assert flagged(script) == []


def test_a_first_delivery_after_a_later_messages_is_an_anomaly() -> None:
    """One consumer is handed a key's messages in the order of the log."""
    script = published("a", "b")
    script.receive("b")
    script.receive("a")
    [anomaly] = PerKeyOrder()(script.history())
    assert (anomaly.messages, anomaly.group) == (("a",), "billing")
    assert "first delivered after messages" in anomaly.summary


def test_one_receive_is_ordered_in_itself() -> None:
    """The order within an answer counts."""
    script = published("a", "b")
    script.receive("b", "a")
    assert flagged(script) == [("a",)]


def test_a_backend_whose_groups_keep_no_order_is_judged_by_its_log() -> None:
    """``deliveries=False`` looks at nothing else."""
    script = published("a", "b")
    script.receive("b", "a")
    assert flagged(script, PerKeyOrder(deliveries=False)) == []


def test_delivery_follows_the_log_rather_than_the_publishes_of_other_keys() -> None:
    """Messages of different keys may overtake one another on their way out."""
    script = Script()
    script.publish("a", key="k1")
    script.publish("b", key="k2")
    script.receive("b", "a")
    assert flagged(script) == []


def test_a_lost_first_hand_over_explains_a_late_one() -> None:
    """The first delivery we saw was attempt 2: the first one was in an answer that got lost."""
    script = published("a", "b")
    script.receive(outcome=Outcome.INFO)
    script.receive("b")
    script.receive(script.entry("a", attempt=2))
    assert flagged(script) == []


@pytest.mark.parametrize("observed", ["node-crash", "promotion"])
def test_forgotten_attempts_are_no_proof_after_a_lost_answer(observed: str) -> None:
    """A node that crashed may count from one again, so a lost hand-over looks like none."""
    script = published("a", "b")
    script.receive(outcome=Outcome.INFO)
    script.receive("b")
    script.receive("a")
    assert flagged(script) == [("a",)]
    script.observe(observed)
    assert flagged(script) == []


@pytest.mark.parametrize(
    "receives",
    [
        [("c1", "b", 30, 40), ("c2", "a", 35, 45)],
        [("c1", "b", 30, 35), ("c2", "a", 40, 45), ("c1", "", 50, 55)],
        [("c1", "b", 30, 40), ("c1", "a", 35, 45)],
    ],
    ids=["members that overlap", "members that alternate", "receives that overlap"],
)
def test_with_several_at_once_there_is_no_one_order(receives: list[tuple[str, str, int, int]]) -> None:
    """A member may hold one message in a buffer while another is handed the next."""
    script = published("a", "b")
    for client, message, invoked, returned in receives:
        script.receive(*filter(None, [message]), client=client, when=When(invoked, returned))
    assert flagged(script) == []
    assert flagged(script, PerKeyOrder(several_consumers=True)) == [("a",)]


def test_members_that_take_turns_keep_the_order() -> None:
    """The second joins after the first's last receive, and is held to the log's order."""
    script = published("a", "b", "c")
    script.receive("a", client="c1")
    script.receive("c", client="c2")
    script.receive("b", client="c2")
    assert flagged(script) == [("b",)]


def test_a_log_out_of_order_is_not_reported_again_for_every_group_that_follows_it() -> None:
    """Delivery in the log's order is right, whatever the log is like."""
    script = Script()
    script.publish("a", at=2)
    script.publish("b", at=1)
    script.receive("b", "a")
    assert flagged(script) == [("a",)]

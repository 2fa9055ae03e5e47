"""The shapes a history is seen in, as the module's docstring shows them."""

from __future__ import annotations

import gc

import pytest

from harness.history.facts import NEVER, LogRead, Membership, Publish, Receive, Settlement
from harness.history.records import FaultStage, Function, Op, Seen, Stage
from harness.history.script import Script
from harness.history.view import History, collector_paused
from harness.model.errors import UnreadableHistory
from harness.model.message import Position
from harness.model.outcome import Outcome


def test_ops_become_facts_with_both_their_times() -> None:
    """Invoke and end of an op are one fact, filed by destination and group."""
    script = Script()
    script.publish("p1-1", key="k")
    script.receive("p1-1")
    script.ack("p1-1")
    script.member(Function.CLOSE)
    script.read_log("p1-1")
    history = script.history()
    entry = Seen("p1-1", Position(0, 1), 1, "digest of p1-1", "k", "orders")
    publish = Publish(
        1,
        "p1",
        "orders",
        "p1-1",
        "k",
        "digest of p1-1",
        10,
        15,
        Outcome.OK,
        Position(0, 1),
        deduplicated=False,
    )
    assert history.publishes == [publish]
    assert history.sent == {"p1-1": (publish,)}
    assert history.receives == {("orders", "billing"): [Receive(2, "c1", 20, 25, Outcome.OK, (entry,))]}
    assert history.settlements == {
        ("orders", "billing"): [Settlement(3, Function.ACK, "c1", "p1-1", Position(0, 1), 30, 35, Outcome.OK)]
    }
    assert history.memberships == {
        ("orders", "billing"): [Membership(4, Function.CLOSE, "c1", 40, 45, Outcome.OK)]
    }
    assert history.logs == {"orders": LogRead(5, "observer", 50, 55, Outcome.OK, (entry,))}
    assert list(history.deliveries(("orders", "billing"))) == [
        (history.receives["orders", "billing"][0], entry)
    ]
    assert history.records == 11


def test_an_op_whose_process_died_has_no_outcome() -> None:
    """An invoke without an end stays, and nobody knows how it ended."""
    script = Script()
    script.publish("p1-1", outcome=None)
    script.receive(outcome=None)
    script.receive("p1-1")
    history = script.history()
    assert (history.publishes[0].outcome, history.publishes[0].returned) == (None, NEVER)
    assert [receive.outcome for receive in history.receives["orders", "billing"]] == [Outcome.OK, None]


def test_an_end_without_a_beginning_is_damage() -> None:
    """An op that ends without having begun means that part of the history is missing."""
    with pytest.raises(UnreadableHistory, match="op 9: its ack ended"):
        History([Op(Stage.OK, 9, Function.ACK, 5, 1, "c1")])


def test_setting_up_and_looking_are_no_work() -> None:
    """Creating a destination or asking for a backlog files nothing."""
    history = History(
        Op(stage, 1, function, 5, 1, "c1")
        for function in (Function.CREATE, Function.BACKLOG)
        for stage in (Stage.INVOKE, Stage.OK)
    )
    assert list(history.work()) == []


def test_publishes_of_one_id_are_kept_together() -> None:
    """A retried publish is a second op of the same message."""
    script = Script()
    first, second = script.publish("p1-1", outcome=Outcome.INFO), script.publish("p1-1")
    assert [publish.op for publish in script.history().sent["p1-1"]] == [first, second]


def test_the_last_log_counts_and_only_if_vouched_for() -> None:
    """A log is whole only if somebody observed that it was; a failed read replaces nothing."""
    script = Script()
    script.read_log("a", vouched=False)
    assert script.history().whole_log("orders") is None
    script.read_log("a", "b")
    log = script.history().whole_log("orders")
    assert log is not None
    assert [seen.message for seen in log.seen] == ["a", "b"]


def test_observations_are_found_by_name_and_place() -> None:
    """Destination and group narrow a search; left out, they do not."""
    script = Script()
    script.observe("drained", "orders", "billing")
    script.observe("dead-letter", "orders", detail="orders.dead")
    script.observe("outside-writer", "results")
    script.fault(FaultStage.INJECTING)
    history = script.history()
    assert len(history.observed("drained")) == len(history.observed("drained", "orders", "billing")) == 1
    assert history.observed("drained", "orders", "other") == []
    assert (history.dead_letter("orders"), history.dead_letter("results")) == ("orders.dead", "")
    assert history.written_from_outside() == {"results"}
    assert len(history.faults) == 1


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was_found(*, enabled: bool) -> None:
    """Pausing the garbage collector neither leaves it off nor switches it on."""
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with collector_paused():
            assert not gc.isenabled()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()

"""Messages that came back: after the ack, within the lease, or out of the dead letter."""

from __future__ import annotations

import pytest

from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.dead_letter_exact import DeadLetterExact
from harness.checkers.lease_honoured import LeaseHonoured
from harness.history.records import Function
from harness.history.script import Script, When
from harness.model.errors import BadOption
from harness.model.outcome import Outcome

LEASE = LeaseHonoured(100e-9)
"""A hundred nanoseconds: ten ops of a script."""


def delivered(*messages: str) -> Script:
    """A script in which these messages were published and delivered, the last op at 10n + 5."""
    script = Script()
    for message in messages:
        script.publish(message)
    script.receive(*messages)
    return script


def test_a_message_delivered_again_after_its_ack_is_an_anomaly() -> None:
    """The ack had returned ok before the second receive was even invoked."""
    script = delivered("a", "b")
    ack = script.ack("a")
    receive = script.receive("a")
    [anomaly] = AckedStaysAcked()(script.history())
    assert anomaly.evidence == (ack, receive)
    assert anomaly.summary == "1 message (a) of orders, group billing, came back after the acknowledgement"


def test_an_ack_settles_for_the_whole_group() -> None:
    """Another member must not get it either."""
    script = delivered("a")
    script.ack("a")
    script.receive("a", client="c2")
    assert len(AckedStaysAcked()(script.history())) == 1


@pytest.mark.parametrize("outcome", [Outcome.INFO, Outcome.FAIL, None])
def test_an_unconfirmed_ack_settles_nothing(outcome: Outcome | None) -> None:
    """Only an ack that ended ok binds the broker."""
    script = delivered("a")
    script.ack("a", outcome=outcome)
    script.receive("a")
    assert AckedStaysAcked()(script.history()) == []


@pytest.mark.parametrize("invoked", [25, 32, 35])
def test_a_receive_under_way_when_the_ack_returned_may_bring_it(invoked: int) -> None:
    """What was buffered or prefetched by then does not count."""
    script = delivered("a")
    script.ack("a", when=When(30, 35))
    script.receive("a", when=When(invoked, 50))
    assert AckedStaysAcked()(script.history()) == []


def test_other_groups_and_other_copies_are_not_settled() -> None:
    """Each group settles for itself, and a stored duplicate is a message of its own here."""
    script = delivered("a")
    script.receive("a", group="audit")
    script.ack("a")
    script.receive("a", group="audit")
    script.receive(script.entry("a", at=9))
    script.receive(script.entry("a", at=9))
    assert AckedStaysAcked()(script.history()) == []


def test_the_first_of_several_acks_counts() -> None:
    """A second ack of the same message excuses nothing."""
    script = delivered("a")
    first = script.ack("a")
    receive = script.receive("a")
    script.ack("a")
    [anomaly] = AckedStaysAcked()(script.history())
    assert anomaly.evidence == (first, receive)


def test_a_nak_or_reject_is_no_ack() -> None:
    """A message given back may come back."""
    script = delivered("a")
    script.settle(Function.NAK, "a")
    script.receive("a")
    assert AckedStaysAcked()(script.history()) == []


def test_a_delivery_handed_out_again_within_its_lease_is_an_anomaly() -> None:
    """Even the latest moment at which it can have been handed out is too early."""
    script = Script()
    script.publish("a")
    first = script.receive("a", when=When(20, 30))
    second = script.receive("a", client="c2", when=When(90, 119))
    [anomaly] = LEASE(script.history())
    assert anomaly.evidence == (first, second)
    assert (
        anomaly.summary
        == "1 message (a) of orders, group billing, handed out again within the lease of 1e-07 s"
    )


@pytest.mark.parametrize("second", [When(20, 120), When(119, 121), When(500, 505)])
def test_a_delivery_that_may_have_been_handed_out_later_is_none(second: When) -> None:
    """The lease is over, at the earliest, one lease after the invoke of the first receive."""
    script = Script()
    script.publish("a")
    script.receive("a", when=When(20, 30))
    script.receive("a", client="c2", when=second)
    assert LEASE(script.history()) == []


@pytest.mark.parametrize("function", [Function.NAK, Function.REJECT])
@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.INFO, None])
def test_a_delivery_given_back_may_come_at_once(function: Function, outcome: Outcome | None) -> None:
    """Whether the broker confirmed it or not."""
    script = delivered("a")
    script.settle(function, "a", outcome=outcome)
    script.receive("a", client="c2")
    assert LEASE(script.history()) == []


def test_receives_that_overlap_may_have_been_served_in_either_order() -> None:
    """The one that returned last may have been handed the message first, a lease before the other."""
    script = Script()
    script.publish("a")
    script.receive("a", client="c1", when=When(20, 135))
    script.receive("a", client="c2", when=When(125, 130))
    assert LEASE(script.history()) == []


@pytest.mark.parametrize(
    ("outcome", "anomalies"), [(Outcome.INFO, 0), (None, 0), (Outcome.OK, 1), (Outcome.FAIL, 1)]
)
def test_a_nak_of_unknown_outcome_may_take_effect_later(outcome: Outcome | None, anomalies: int) -> None:
    """One of an earlier delivery that timed out may give the next one back; a confirmed one is over."""
    script = Script()
    script.publish("a")
    script.receive("a", when=When(20, 25))
    script.settle(Function.NAK, "a", outcome=outcome, when=When(30, 35))
    script.receive("a", client="c2", when=When(140, 145))
    script.receive("a", client="c3", when=When(160, 165))
    assert len(LEASE(script.history())) == anomalies


def test_a_nak_of_another_message_gives_nothing_back() -> None:
    """Only the message itself is free again."""
    script = delivered("a", "b")
    script.settle(Function.NAK, "b")
    script.receive("a", client="c2")
    assert [anomaly.messages for anomaly in LEASE(script.history())] == [("a",)]


@pytest.mark.parametrize(("client", "anomalies"), [("c1", 0), ("c3", 1)])
def test_what_its_holder_leaves_behind_may_come_at_once(client: str, anomalies: int) -> None:
    """A member that closes gives its deliveries back, another's leaving does not."""
    script = delivered("a")
    script.member(Function.CLOSE, client=client)
    script.receive("a", client="c2")
    assert len(LEASE(script.history())) == anomalies


@pytest.mark.parametrize(
    ("extension", "outcome", "anomalies"),
    [
        (When(60, 70), Outcome.OK, 1),
        (When(60, 70), Outcome.INFO, 0),
        (When(125, 130), Outcome.OK, 0),
        (When(60, 145), Outcome.OK, 0),
    ],
    ids=["in time", "unknown", "too late", "overlapping the redelivery"],
)
def test_an_extension_in_good_time_starts_the_lease_anew(
    extension: When, outcome: Outcome, anomalies: int
) -> None:
    """Only one that certainly took effect before the lease was over."""
    script = Script()
    script.publish("a")
    script.receive("a", when=When(20, 30))
    script.settle(Function.EXTEND, "a", outcome=outcome, when=extension)
    script.receive("a", client="c2", when=When(140, 150))
    assert len(LEASE(script.history())) == anomalies


def test_each_delivery_has_a_lease_of_its_own() -> None:
    """A third delivery is held against the second, not the first."""
    script = Script()
    script.publish("a")
    for invoked in (20, 130, 160):
        script.receive("a", when=When(invoked, invoked + 5))
    [anomaly] = LEASE(script.history())
    assert anomaly.evidence == (3, 4)


def test_a_lease_has_a_length() -> None:
    """Nothing can be handed out within no time."""
    with pytest.raises(BadOption, match="lease: 0 cannot be used"):
        LeaseHonoured(0)


EXACT = DeadLetterExact("orders", "orders.dead", frozenset({"bad"}), "billing")


def test_poison_once_in_the_dead_letter_and_nothing_else_is_exact() -> None:
    """Markers published to the dead letter itself do not count, nor does another group."""
    script = delivered("good", "bad")
    script.settle(Function.REJECT, "bad")
    script.publish("marker", to="orders.dead")
    script.receive("bad", "marker", of="orders.dead", group="undertaker")
    script.receive("bad", "good", group="audit")
    script.read_log("bad", "marker", of="orders.dead")
    history = script.history()
    assert EXACT(history) == []
    assert EXACT.abstains(history) == []


def test_poison_missing_from_the_dead_letter_is_an_anomaly() -> None:
    """It was acknowledged, had its attempts, and is not there."""
    script = delivered("bad")
    read = script.read_log(of="orders.dead")
    [anomaly] = EXACT(script.history())
    assert anomaly.summary == "1 message (bad) of orders.dead poison and not dead-lettered"
    assert anomaly.evidence == (1, read)


def test_poison_that_may_never_have_been_stored_may_be_missing() -> None:
    """Its publish did not end ok."""
    script = Script()
    script.publish("bad", outcome=Outcome.INFO)
    script.read_log(of="orders.dead")
    assert EXACT(script.history()) == []


def test_without_the_dead_letters_log_absence_cannot_be_told() -> None:
    """The checker abstains."""
    history = delivered("bad").history()
    assert EXACT(history) == []
    [reason] = EXACT.abstains(history)
    untold = "missing dead letters cannot be told; case.drained() reads it"
    assert reason == f"orders.dead: its log was not read whole, so {untold}"


def test_poison_dead_lettered_twice_is_an_anomaly() -> None:
    """Two positions in the dead letter; one position delivered twice is a redelivery."""
    script = delivered("bad")
    twice = script.entry("bad", at=1, of="orders.dead"), script.entry("bad", at=2, of="orders.dead")
    script.receive(twice[0], twice[0], of="orders.dead")
    script.read_log(twice[0], of="orders.dead")
    assert EXACT(script.history()) == []
    script.read_log(*twice, of="orders.dead")
    [anomaly] = EXACT(script.history())
    assert anomaly.summary == "1 message (bad) of orders.dead dead-lettered more than once"


def test_a_sound_message_in_the_dead_letter_is_an_anomaly() -> None:
    """Only poison belongs there."""
    script = delivered("good", "bad")
    script.read_log("bad", "good", of="orders.dead")
    [anomaly] = EXACT(script.history())
    assert anomaly.summary == "1 message (good) of orders.dead dead-lettered, though not poison"


@pytest.mark.parametrize("known_by", ["reject", "sight"])
def test_poison_delivered_after_it_was_dead_lettered_is_an_anomaly(known_by: str) -> None:
    """From the confirmed reject on, or from when it was first seen in the dead letter."""
    script = delivered("bad")
    if known_by == "reject":
        script.settle(Function.REJECT, "bad")
    else:
        script.receive("bad", of="orders.dead", group="undertaker")
    op = script.receive("bad")
    script.read_log("bad", of="orders.dead")
    [anomaly] = EXACT(script.history())
    assert (anomaly.evidence, anomaly.group) == ((op,), "billing")


def test_poison_delivered_before_that_is_an_attempt() -> None:
    """Attempts precede the dead letter, and an unconfirmed reject settles nothing."""
    script = delivered("bad")
    script.receive("bad")
    script.settle(Function.REJECT, "bad", outcome=Outcome.INFO)
    script.receive("bad")
    script.read_log("bad", of="orders.dead")
    assert EXACT(script.history()) == []

"""Every broken broker is caught by the checker of the guarantee it breaks; the reference never is."""

from __future__ import annotations

import pytest

from harness.backends.memory.broker import Broker
from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.anomaly import Anomaly, CanAbstain, Checker
from harness.checkers.dead_letter_exact import DeadLetterExact
from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.failed_stays_out import FailedStaysOut
from harness.checkers.lease_honoured import LeaseHonoured
from harness.checkers.no_altered_messages import NoAlteredMessages
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.no_phantom_messages import NoPhantomMessages
from harness.checkers.no_stored_duplicates import NoStoredDuplicates
from harness.checkers.one_message_per_position import OneMessagePerPosition
from harness.checkers.per_key_order import PerKeyOrder
from harness.checkers.right_destination import RightDestination
from harness.model.claim import Guarantee
from tests.mutants import MUTANTS, STALLING, Mutant, Needs
from tests.mutants.piece import BILLING, rehearse
from tests.mutants.rehearsal import DEAD, LEASE, ORDERS, Rehearsal


def checkers(play: Rehearsal) -> list[Checker]:
    """Every checker, told what the piece was."""
    return [
        NoLostMessages(),
        EverythingDelivered(),
        NoPhantomMessages(),
        FailedStaysOut(),
        NoAlteredMessages(),
        RightDestination(),
        OneMessagePerPosition(),
        NoStoredDuplicates(deduplicated=True),
        AckedStaysAcked(),
        PerKeyOrder(),
        LeaseHonoured(LEASE),
        DeadLetterExact(ORDERS.name, DEAD.name, frozenset(play.poison), BILLING[1]),
    ]


def anomalies(broker: type[Broker], needs: frozenset[Needs]) -> list[Anomaly]:
    """What the checkers find in a rehearsal."""
    play = rehearse(broker(), needs)
    history = play.history()
    return [anomaly for checker in checkers(play) for anomaly in checker(history)]


def broken(broker: type[Broker], needs: frozenset[Needs]) -> set[Guarantee]:
    """The guarantees found broken."""
    return {anomaly.guarantee for anomaly in anomalies(broker, needs)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught_once_what_it_needs_has_happened(mutant: type[Mutant]) -> None:
    """The checkers of all expected guarantees find it, with nothing played but what it needs."""
    assert mutant.expected
    assert mutant.expected <= broken(mutant, mutant.needs)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught_among_everything_else(mutant: type[Mutant]) -> None:
    """The checkers of all expected guarantees find it in a piece that has everything in it."""
    assert mutant.expected <= broken(mutant, frozenset(Needs))


@pytest.mark.parametrize(
    ("mutant", "need"),
    [(mutant, need) for mutant in MUTANTS for need in sorted(mutant.needs)],
    ids=lambda value: getattr(value, "__name__", None) or value.name,
)
def test_a_mutant_needs_what_it_says(mutant: type[Mutant], need: Needs) -> None:
    """Without one of the things it needs, none of its expected guarantees is found broken."""
    assert not mutant.expected & broken(mutant, mutant.needs - {need})


@pytest.mark.parametrize("need", [None, *Needs], ids=str)
def test_the_reference_breaks_nothing_under_any_one_fault(need: Needs | None) -> None:
    """Plain traffic, and each movement by itself, give a history without an anomaly."""
    assert anomalies(Broker, frozenset({need} if need else ())) == []


def test_the_reference_breaks_nothing_under_everything() -> None:
    """The whole piece gives a history without an anomaly, which no checker abstains from."""
    play = rehearse(Broker(), frozenset(Needs))
    history = play.history()
    assert [anomaly for checker in checkers(play) for anomaly in checker(history)] == []
    assert [
        why for each in checkers(play) if isinstance(each, CanAbstain) for why in each.abstains(history)
    ] == []


@pytest.mark.parametrize("mutant", STALLING, ids=lambda mutant: mutant.__name__)
def test_a_stalling_mutant_is_never_drained(mutant: type[Mutant]) -> None:
    """Its groups do not get their markers, so the checker abstains rather than passing it."""
    history = rehearse(mutant(), mutant.needs).history()
    assert any("not drained" in why for why in EverythingDelivered().abstains(history))


def test_every_guarantee_has_its_mutants() -> None:
    """No guarantee goes untested, and no two mutants share a name."""
    assert frozenset().union(*(mutant.expected for mutant in MUTANTS)) == frozenset(Guarantee)
    assert len({mutant.__name__ for mutant in MUTANTS}) == len(MUTANTS) >= 30

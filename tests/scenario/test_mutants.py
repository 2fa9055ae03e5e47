"""The suites' own scenarios, and compact ones beside them, catch every broken broker and no sound one.

They are played whole, by the case, its clients and its faults, on a simulated cluster in no time. A
checker counts once it was seen to find its broken broker.
"""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import Fault, HarnessError, Isolate, Kill, NoFault, Pause, Sever, Verdict
from harness.checkers import CHECKERS
from harness.model.claim import Guarantee
from tests import mutants
from tests.mutants import MUTANTS, STALLING, Mutant
from tests.scenario import compact
from tests.scenario.matrix import Cell, cells
from tests.scenario.stage import Scenario, play

CELLS = {str(cell): cell for cell in cells()}

BACKLOG = compact.a_backlog_is_worked_off
LEADER_ISOLATED = "acked_messages_survive_leader_loss[isolate(leader)-n3]"
LEADER_KILLED = "acked_messages_survive_leader_loss[kill(leader)-n3]"
LEADER_PAUSED = "acked_messages_survive_leader_loss[pause(leader)-n3]"
NODE_KILLED = "acked_messages_survive_a_node_that_goes_and_comes_back[kill(leader)-n1]"
CONSUMER_CUT_OFF = "acked_messages_survive_a_severed_link[sever(consumer)-n1]"
FAN_OUT = "every_group_sees_every_message[n3]"
ISOLATION = "nothing_crosses_between_destinations_or_groups[n1]"
KEY_ORDER = "one_consumer_gets_each_key_in_publish_order[n1]"
LEASE = "an_unacknowledged_message_comes_back_after_the_lease[n1]"
MAX_DELIVER = "a_poison_message_is_dead_lettered_after_its_last_attempt[n1]"
ROUND_TRIP = "payload_key_and_headers_come_back_byte_for_byte[n3]"

CAUGHT_BY: dict[str, tuple[str | Scenario, ...]] = {
    "NeverStoresEveryTenth": (BACKLOG, LEADER_PAUSED),
    "AcksBeforeStoring": (LEADER_KILLED, NODE_KILLED),
    "ForgetsTailOnRestart": (LEADER_KILLED, NODE_KILLED),
    "ForgetsDestinationOnFailover": (LEADER_PAUSED,),
    "CountsAnewAfterRestart": (NODE_KILLED,),
    "ServesMinority": (LEADER_ISOLATED,),
    "StoresTwice": (BACKLOG, FAN_OUT),
    "IgnoresDeduplicationKey": (compact.a_key_stores_once,),
    "DeduplicatesTooMuch": (BACKLOG, FAN_OUT),
    "AltersPayload": (BACKLOG, ROUND_TRIP),
    "DropsHeader": (ROUND_TRIP,),
    "ExchangesKeys": (BACKLOG, ROUND_TRIP),
    "StoresPhantom": (BACKLOG, FAN_OUT),
    "StoresElsewhereToo": (ISOLATION,),
    "FailsButStores": (BACKLOG, LEADER_PAUSED),
    "TwoAtOnePosition": (BACKLOG, KEY_ORDER),
    "SwapsInLog": (BACKLOG, LEADER_ISOLATED),
    "DropsLastOfBatch": (BACKLOG, CONSUMER_CUT_OFF),
    "DropsFirstOfBatch": (BACKLOG, CONSUMER_CUT_OFF),
    "DropsMiddleOfBatch": (BACKLOG, CONSUMER_CUT_OFF),
    "SkipsForOneGroup": (FAN_OUT,),
    "SettlesForEveryGroup": (FAN_OUT,),
    "StrandsAStretch": (LEADER_PAUSED,),
    "SwapsTwoOfAKey": (BACKLOG, CONSUMER_CUT_OFF),
    "DeliversBackwards": (BACKLOG, CONSUMER_CUT_OFF),
    "DeliversPhantom": (BACKLOG, FAN_OUT),
    "DeliversCorrupted": (BACKLOG, FAN_OUT),
    "DeliversOthersMessages": (ISOLATION,),
    "RedeliversAfterAck": (BACKLOG, LEADER_PAUSED),
    "ForgetsAcksOnFailover": (LEADER_PAUSED,),
    "ForgetsAcksOnRestart": (NODE_KILLED,),
    "RewindsGroupOnFailover": (LEADER_ISOLATED,),
    "LosesPendingOnRestart": (compact.what_was_lost_on_the_way_survives_a_restart,),
    "NeverRedelivers": (CONSUMER_CUT_OFF,),
    "AcksOnDelivery": (CONSUMER_CUT_OFF,),
    "RedeliversEarly": (LEASE,),
    "IgnoresExtension": (compact.a_lease_is_extended,),
    "HandsOutHeld": (LEASE,),
    "DeadLettersTwice": (compact.what_always_fails_is_set_aside_once, MAX_DELIVER),
    "DropsInsteadOfDeadLettering": (compact.what_always_fails_is_set_aside_once,),
    "DeliversAfterMaxDeliver": (compact.what_always_fails_is_set_aside_once,),
    "DeliversDeadLetters": (compact.what_is_rejected_is_set_aside,),
    "CountsAttemptsTwice": (compact.what_is_retried_in_time_is_not_set_aside,),
    "DeadLettersOnNak": (compact.what_is_retried_in_time_is_not_set_aside,),
}
"""By which scenarios each broken broker has to be caught: by every one of them, whatever the seed.

A name is that of a cell of the suites.
"""

COMPACT: tuple[Scenario, ...] = (
    compact.a_lease_is_extended,
    compact.what_is_rejected_is_set_aside,
    compact.what_is_retried_in_time_is_not_set_aside,
    compact.what_always_fails_is_set_aside_once,
    compact.a_key_stores_once,
    compact.a_backlog_is_worked_off,
    compact.what_was_lost_on_the_way_survives_a_restart,
)

PLAYS = [
    pytest.param(getattr(mutants, name), scenario, id=f"{name}-{getattr(scenario, '__name__', scenario)}")
    for name, scenarios in CAUGHT_BY.items()
    for scenario in scenarios
]


@pytest.mark.parametrize(("mutant", "scenario"), PLAYS)
def test_a_broken_broker_is_caught(mutant: type[Mutant], scenario: str | Scenario) -> None:
    """Violations of all that it breaks are found, and the scenario fails with them."""
    nodes = 3
    if isinstance(scenario, str):
        nodes, scenario = CELLS[scenario].nodes, CELLS[scenario]
    played = play(scenario, mutant, nodes=nodes, seed=2)
    assert mutant.expected <= played.violated, played
    assert isinstance(played.error, AssertionError), played


@pytest.mark.parametrize("mutant", STALLING, ids=lambda mutant: mutant.__name__)
def test_a_stalling_broker_fails_the_case(mutant: type[Mutant]) -> None:
    """No checker judges what never came; the deadline does, and says what was waited for."""
    played = play(CELLS[LEADER_PAUSED], mutant, nodes=3)
    assert isinstance(played.error, HarnessError)
    assert "every group reads what is published after healing" in str(played.error)


def test_every_mutant_is_played() -> None:
    """A new one needs a scenario that catches it."""
    assert set(CAUGHT_BY) == {mutant.__name__ for mutant in MUTANTS}


def test_every_checker_is_seen_to_catch_something() -> None:
    """A checker that no scenario has shown to find anything proves nothing by its silence."""
    shown = frozenset[Guarantee]().union(*(mutant.expected for mutant in MUTANTS))
    assert {checker.guarantee for checker in CHECKERS} <= shown  # type: ignore[attr-defined]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_sound_broker_passes_the_suites(cell: Cell) -> None:
    """Every scenario of the shared suites ends well, without any doubt and without an anomaly."""
    played = play(cell, nodes=cell.nodes)
    assert played.error is None, played
    assert played.judgement.verdict is Verdict.OK, played
    assert not played.judgement.findings, played


@settings(max_examples=10, derandomize=True, database=None, deadline=None)
@given(st.sampled_from([*CELLS.values(), *COMPACT]), st.integers(0, 2**32))
def test_the_sound_broker_passes_with_any_seed(scenario: Cell | Scenario, seed: int) -> None:
    """However late everybody is woken, and whatever was published with which key."""
    played = play(scenario, nodes=scenario.nodes if isinstance(scenario, Cell) else 3, seed=seed)
    assert played.error is None, played
    assert not played.judgement.findings, played


FAULTS: tuple[Fault, ...] = (
    NoFault(),
    Pause("leader"),
    Pause("follower"),
    Pause("any"),
    Kill("leader"),
    Kill("follower"),
    Kill("majority"),
    Kill("all"),
    Isolate("leader"),
    Isolate("leader", one_way=True),
    Isolate("follower"),
    Isolate("minority"),
    Sever("publisher"),
    Sever("consumer"),
    Sever("both"),
    Sever("both", "leader"),
)


@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    faults=st.lists(st.sampled_from(FAULTS), min_size=1, max_size=4),
    writers=st.integers(1, 2),
    groups=st.integers(1, 2),
    seed=st.integers(0, 2**32),
)
def test_the_sound_broker_passes_any_sequence_of_faults(
    faults: list[Fault], writers: int, groups: int, seed: int
) -> None:
    """No fault after another makes a checker see what is not there, or a fault unseen or unhealed."""
    scenario = partial(compact.traffic_meets_faults, faults=faults, writers=writers, groups=groups)
    played = play(scenario, seed=seed)
    assert played.error is None, played
    assert played.judgement.verdict is Verdict.OK, played
    assert not played.judgement.findings, played

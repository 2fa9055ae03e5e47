"""Anomalies, claims, observations and doubts, and the verdict they come to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from harness.checkers.anomaly import Anomaly
from harness.checkers.judge import Verdict, judge
from harness.history.records import FaultStage, Observation
from harness.history.script import Script, When
from harness.history.view import History
from harness.model.claim import Claim, Guarantee, Promise
from harness.model.outcome import Outcome


@dataclass(frozen=True)
class Finds:
    """A checker that finds what it is told to, and abstains for the reasons it is given."""

    counts: tuple[int, ...] = (1,)
    guarantee: Guarantee = Guarantee.NO_LOSS
    reasons: tuple[str, ...] = ()
    since: int = 0
    until: int = 0
    destination: str = ""

    def __call__(self, history: History) -> list[Anomaly]:
        return [
            Anomaly(
                guarantee=self.guarantee,
                summary=f"{count} gone",
                messages=tuple(f"p1-{number}" for number in range(count)),
                evidence=tuple(range(count)),
                destination=self.destination,
                since=self.since,
                until=self.until,
            )
            for count in self.counts
        ]

    def abstains(self, history: History) -> Sequence[str]:
        return self.reasons


def claim(promise: Promise, condition: str = "", *tiers: str, bound: int = 0) -> Claim:
    """A claim about losses; its source says what it is."""
    return Claim(Guarantee.NO_LOSS, promise, f"docs: {promise}", "...", tiers, condition, bound)


PROMISED, NOT_PROMISED, BOUNDED = Promise.PROMISED, Promise.NOT_PROMISED, Promise.BOUNDED


def healthy(*observed: str) -> Script:
    """A case with one acknowledged publish, and these observations."""
    script = Script()
    script.publish("a")
    for name in observed:
        script.observe(name)
    return script


@pytest.mark.parametrize(
    ("claims", "observed", "verdict"),
    [
        ([], [], "violation"),
        ([claim(PROMISED)], [], "violation"),
        ([claim(NOT_PROMISED)], [], "allowed"),
        ([claim(BOUNDED, bound=3)], [], "allowed"),
        ([claim(BOUNDED, bound=2)], [], "violation"),
        ([claim(NOT_PROMISED, "", "rf3")], [], "allowed"),
        ([claim(NOT_PROMISED, "", "rf1", "rf2")], [], "violation"),
        ([claim(NOT_PROMISED, "promotion")], [], "violation"),
        ([claim(NOT_PROMISED, "promotion")], ["node-crash"], "violation"),
        ([claim(NOT_PROMISED, "promotion")], ["promotion"], "allowed"),
        ([claim(PROMISED), claim(NOT_PROMISED, "promotion")], ["promotion"], "allowed"),
        ([claim(PROMISED), claim(NOT_PROMISED, "promotion")], [], "violation"),
        ([claim(NOT_PROMISED), claim(PROMISED, "promotion")], ["promotion"], "violation"),
        ([claim(NOT_PROMISED), claim(PROMISED, "promotion")], [], "allowed"),
        ([claim(PROMISED), claim(NOT_PROMISED, "", "rf3")], [], "allowed"),
        ([claim(NOT_PROMISED), claim(PROMISED, "", "rf3")], [], "violation"),
        ([claim(NOT_PROMISED, "", "rf3"), claim(PROMISED, "promotion")], ["promotion"], "violation"),
        ([claim(NOT_PROMISED, "promotion", "rf1")], ["promotion"], "violation"),
        (
            [claim(PROMISED, "promotion"), claim(NOT_PROMISED, "node-crash")],
            ["promotion", "node-crash"],
            "allowed",
        ),
        (
            [claim(BOUNDED, "promotion", bound=1), claim(BOUNDED, "node-crash", bound=3)],
            ["promotion", "node-crash"],
            "allowed",
        ),
        ([claim(PROMISED), claim(NOT_PROMISED)], [], "violation"),
    ],
)
def test_the_governing_claim_decides(claims: list[Claim], observed: list[str], verdict: str) -> None:
    """Three lost messages at tier rf3, by what is claimed and what was observed."""
    judgement = judge(healthy(*observed).history(), [Finds((3,))], claims, "rf3")
    assert judgement.verdict == verdict


def test_a_claim_of_another_guarantee_says_nothing() -> None:
    """Losses are not excused by what is said of order."""
    about_order = Claim(Guarantee.PER_KEY_ORDER, NOT_PROMISED, "docs", "...")
    assert judge(healthy().history(), [Finds()], [about_order], "rf3").verdict is Verdict.VIOLATION


def test_a_bound_is_for_the_whole_case() -> None:
    """Losses split over two writers do not each use it up."""
    bounded = [claim(BOUNDED, bound=3)]
    assert judge(healthy().history(), [Finds((1, 2))], bounded, "rf3").verdict is Verdict.ALLOWED
    judgement = judge(healthy().history(), [Finds((2, 2))], bounded, "rf3")
    assert judgement.verdict is Verdict.VIOLATION
    assert judgement.findings[0].why == "docs: bounded allows 3, the case has 4"


def test_a_fault_allows_nothing_by_itself() -> None:
    """A claim's condition is an observation; that a promotion was caused is not that one was seen."""
    script = struck(FaultStage.BITTEN, FaultStage.HEALED)
    judgement = judge(script.history(), [Finds()], [claim(NOT_PROMISED, "promotion")], "rf3")
    assert judgement.verdict is Verdict.VIOLATION


def test_nothing_found_and_nothing_doubtful_is_ok() -> None:
    """The best there is."""
    judgement = judge(healthy().history(), [Finds(())], [], "rf3")
    assert (judgement.verdict, judgement.findings, judgement.reasons) == (Verdict.OK, (), ())
    assert str(judgement) == "ok"


def test_abstaining_makes_unknown() -> None:
    """What a checker could not judge is not ok."""
    judgement = judge(healthy().history(), [Finds((), reasons=("log not read",))], [], "rf3")
    assert (judgement.verdict, judgement.reasons) == (Verdict.UNKNOWN, ("log not read",))


def test_the_gravest_part_prevails() -> None:
    """Violation beats unknown beats allowed beats ok."""
    assert [verdict.gravity for verdict in Verdict] == [0, 1, 2, 3]
    doubtful = Finds((), reasons=("log not read",))
    allowed = [claim(NOT_PROMISED)]
    assert judge(healthy().history(), [Finds(), doubtful], allowed, "rf3").verdict is Verdict.UNKNOWN
    assert judge(healthy().history(), [Finds(), doubtful], [], "rf3").verdict is Verdict.VIOLATION
    assert Verdict.worst([]) is Verdict.OK


def test_a_matter_of_time_on_a_starved_machine_is_unknown() -> None:
    """A lease cut short may be the machine's doing; a lost message is not."""
    history = healthy("starved").history()
    judgement = judge(history, [Finds(guarantee=Guarantee.LEASE_HONOURED)], [], "rf3")
    assert judgement.verdict is Verdict.UNKNOWN
    assert judgement.findings[0].why == "no claim allows it, but the machine was starved"
    assert judge(history, [Finds()], [], "rf3").verdict is Verdict.VIOLATION
    rested = judge(healthy().history(), [Finds(guarantee=Guarantee.LEASE_HONOURED)], [], "rf3")
    assert rested.verdict is Verdict.VIOLATION


@pytest.mark.parametrize(
    ("since", "until", "verdict"),
    [
        (6.9, 6.9, "violation"),
        (7.1, 7.1, "unknown"),
        (10, 10, "unknown"),
        (11.9, 11.9, "unknown"),
        (12.1, 12.1, "violation"),
        (1, 20, "unknown"),
        (0, 6.9, "violation"),
        (7.1, 0, "unknown"),
        (0, 0, "unknown"),
    ],
)
def test_being_starved_excuses_what_happened_then(since: float, until: float, verdict: str) -> None:
    """From 9 s to 10 s, and 2 s around it; what has no time may have happened then."""
    script = healthy()
    script.records.append(Observation("starved", 10_000_000_000, value=1.0))
    early = Finds(guarantee=Guarantee.LEASE_HONOURED, since=round(since * 1e9), until=round(until * 1e9))
    assert judge(script.history(), [early], [], "rf3").verdict == verdict


def struck(*stages: FaultStage, detail: str = "") -> Script:
    """A case with one fault in these stages, an acknowledged publish before each and after the last."""
    script = healthy()
    for number, stage in enumerate((FaultStage.INJECTING, FaultStage.INJECTED, *stages)):
        script.publish(f"b{number}")
        script.fault(stage, fault="pause(leader)", detail=detail)
    script.publish("z")
    return script


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ((FaultStage.BITTEN, FaultStage.REACTED, FaultStage.HEALING, FaultStage.HEALED), None),
        ((FaultStage.BITTEN, FaultStage.HEALING, FaultStage.HEALED), None),
        ((FaultStage.NOT_BITTEN, FaultStage.HEALED), "was not seen to bite: it answers"),
        ((FaultStage.HEALED,), "was not seen to bite"),
        (
            (FaultStage.BITTEN, FaultStage.NOT_REACTED, FaultStage.HEALED),
            "the cluster was not seen to react: it answers",
        ),
        ((FaultStage.BITTEN, FaultStage.HEAL_FAILED), "was not healed: it answers"),
        ((FaultStage.BITTEN,), "was not healed"),
        ((FaultStage.BITTEN, FaultStage.HEAL_FAILED, FaultStage.HEALED), None),
    ],
)
def test_a_fault_that_did_not_do_its_work_makes_unknown(
    stages: tuple[FaultStage, ...], reason: str | None
) -> None:
    """Not bitten, not reacted to or not healed, the case proves little; and says why."""
    judgement = judge(struck(*stages, detail="it answers").history(), [], [], "rf3")
    assert judgement.verdict is (Verdict.UNKNOWN if reason else Verdict.OK)
    if reason:
        [said] = judgement.reasons
        assert said.startswith("fault 1 (pause(leader))")
        assert reason in said


def struck_while(script: Script) -> Script:
    """The same, with a fault that bit and was healed at once after its last op."""
    for stage in (FaultStage.INJECTED, FaultStage.BITTEN, FaultStage.HEALING, FaultStage.HEALED):
        script.fault(stage)
    return script


def test_a_fault_during_which_nobody_tried_anything_makes_unknown() -> None:
    """The window was idle."""
    judgement = judge(struck_while(healthy()).history(), [], [], "rf3")
    assert judgement.reasons == ("fault 1 (pause): no client attempted anything while it lasted",)


@pytest.mark.parametrize(
    ("when", "outcome", "reasons"),
    [(When(15, 99), Outcome.INFO, 0), (When(17, 19), Outcome.OK, 0), (When(15, None), None, 1)],
    ids=["in flight", "begun within", "in flight and never ended"],
)
def test_an_op_in_flight_when_the_fault_struck_was_an_attempt(
    when: When, outcome: Outcome | None, reasons: int
) -> None:
    """One hanging through the fault is just what it is for; one of a dead process is not."""
    script = struck_while(healthy())
    script.publish("b", when=when, outcome=outcome)
    assert len(judge(script.history(), [], [], "rf3").reasons) == reasons


def test_a_case_without_an_acknowledgement_makes_unknown() -> None:
    """Nothing was promised to anybody."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.publish("b", outcome=Outcome.FAIL)
    assert judge(script.history(), [], [], "rf3").reasons == ("not one of 2 publishes was acknowledged",)


def test_a_case_in_which_nothing_was_done_makes_unknown() -> None:
    """Nothing done, nothing proven; a case that only receives is one."""
    script = Script()
    assert judge(script.history(), [], [], "rf3").verdict is Verdict.UNKNOWN
    script.receive()
    assert judge(script.history(), [], [], "rf3").verdict is Verdict.OK


def test_a_judgement_reads_as_one_sentence_a_finding() -> None:
    """The verdict, each finding with its evidence, each doubt."""
    allowed = [claim(NOT_PROMISED, "promotion")]
    checkers = [Finds((2, 12), reasons=("log not read",)), Finds((1,), Guarantee.PER_KEY_ORDER)]
    why = "after promotion, not promised by docs: not promised"
    assert str(judge(healthy("promotion").history(), checkers, allowed, "rf3")) == (
        "violation\n"
        f"  allowed: no lost messages: 2 gone; {why} (ops 0, 1)\n"
        f"  allowed: no lost messages: 12 gone; {why} (ops 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)\n"
        "  violation: per-key order: 1 gone; no claim allows it (ops 0)\n"
        "  doubt: log not read"
    )


def test_a_judgement_is_plain_data_for_its_file() -> None:
    """``verdict.json`` carries a format version, at most ten ids and ops, and the claim's words."""
    allowed = [claim(BOUNDED, "promotion", bound=20)]
    document = judge(healthy("promotion").history(), [Finds((12,))], allowed, "rf3").as_dict()
    assert json.loads(json.dumps(document)) == document
    assert (document["format_version"], document["verdict"], document["reasons"]) == (1, "allowed", [])
    [finding] = document["findings"]
    assert (finding["count"], len(finding["messages"]), len(finding["evidence"])) == (12, 10, 10)
    assert finding["claim"] == {
        "promise": "bounded",
        "source": "docs: bounded",
        "quote": "...",
        "condition": "promotion",
        "bound": 20,
    }
    unclaimed = judge(healthy().history(), [Finds()], [], "rf3").as_dict()
    assert unclaimed["findings"][0]["claim"] is None


def test_the_harness_own_publishes_are_no_traffic() -> None:
    """A marker that is acknowledged says nothing about a scenario of which nothing was."""
    script = Script()
    script.publish("a", outcome=Outcome.INFO)
    script.publish("marker", writer="admin-1")
    assert judge(script.history(), [], [], "rf3").reasons == ("not one of 1 publishes was acknowledged",)


def test_what_was_observed_of_another_destination_excuses_nothing() -> None:
    """A promotion of one stream is no reason to lose messages of another."""
    script = healthy()
    script.observe("promotion", destination="returns")
    after_promotion = [claim(NOT_PROMISED, condition="promotion")]
    assert (
        judge(script.history(), [Finds(destination="orders")], after_promotion, "rf3").verdict
        is Verdict.VIOLATION
    )
    script.observe("promotion", destination="orders")
    assert (
        judge(script.history(), [Finds(destination="orders")], after_promotion, "rf3").verdict
        is Verdict.ALLOWED
    )

"""Turns anomalies into a verdict, by what the vendor claims and by what was observed.

For each guarantee with anomalies the *governing* claim is looked up: claims of that guarantee
whose tiers include the case's and whose condition, if any, was observed. A claim with a
condition beats one without, then one for certain tiers beats one for all. Of several conditional
ones, all observed, the most lenient governs, for each excuses by itself; of unconditional ones
that contradict each other, the strictest.

    no governing claim, or ``promised``   -> violation
    ``not promised``                      -> allowed, with its source
    ``bounded``                           -> allowed up to the bound *in all*, violation beyond

A fault allows nothing by itself: only what was observed does. An anomaly that is a matter of
time is ``unknown`` if the machine was starved then (to within 2 s). Whatever makes the case prove
less than it seems to (``harness.checkers.doubts``, checkers that abstain) makes it ``unknown``,
unless there is a violation: that stays one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.checkers.anomaly import Anomaly, CanAbstain, Checker
from harness.checkers.doubts import doubts
from harness.history.view import History, collector_paused
from harness.model.claim import Claim, Guarantee, Promise

FORMAT_VERSION = 1
TIMING = frozenset({Guarantee.LEASE_HONOURED})
"""The guarantees whose anomalies a machine short of processor time can produce by itself."""

_MOST_MESSAGES = 10
_AROUND = 2_000_000_000
"""Nanoseconds around a starved while in which its backlog of answers is still being worked off."""


class Verdict(StrEnum):
    """What a case came to, from the mildest to the gravest; the gravest of its parts prevails."""

    OK = "ok"
    ALLOWED = "allowed"
    UNKNOWN = "unknown"
    VIOLATION = "violation"

    @property
    def gravity(self) -> int:
        """0 for ``ok`` up to 3 for ``violation``."""
        return list(Verdict).index(self)

    @classmethod
    def worst(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """The gravest of them, ``ok`` if there are none."""
        return max(verdicts, key=lambda verdict: verdict.gravity, default=cls.OK)


@dataclass(frozen=True, slots=True)
class Finding:
    """One anomaly, weighed: ``claim`` is the one that governs it, if any."""

    anomaly: Anomaly
    verdict: Verdict
    claim: Claim | None
    why: str

    def __str__(self) -> str:
        ops = ", ".join(map(str, self.anomaly.evidence))
        return (
            f"{self.verdict}: {self.anomaly.guarantee}: {self.anomaly.summary}; {self.why}"
            f"{f' (ops {ops})' if ops else ''}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For ``verdict.json``; at most ten message ids, ``count`` says how many there are."""
        anomaly, claim = self.anomaly, self.claim
        return {
            "guarantee": str(anomaly.guarantee),
            "verdict": str(self.verdict),
            "summary": anomaly.summary,
            "why": self.why,
            "count": anomaly.count,
            "messages": list(anomaly.messages[:_MOST_MESSAGES]),
            "evidence": list(anomaly.evidence),
            "destination": anomaly.destination,
            "group": anomaly.group,
            "since": anomaly.since,
            "until": anomaly.until,
            "claim": claim
            and {
                "promise": str(claim.promise),
                "source": claim.source,
                "quote": claim.quote,
                "condition": claim.condition,
                "bound": claim.bound,
            },
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict of a case, what it rests on, and why it proves less than it might (``reasons``)."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        """One line for the verdict, one for each finding, one for each reason for doubt."""
        doubted = (f"doubt: {reason}" for reason in self.reasons)
        return "\n  ".join([str(self.verdict), *map(str, self.findings), *doubted])

    def as_dict(self) -> dict[str, Any]:
        """For ``verdict.json``."""
        return {
            "format_version": FORMAT_VERSION,
            "verdict": str(self.verdict),
            "findings": [finding.as_dict() for finding in self.findings],
            "reasons": list(self.reasons),
        }


def judge(history: History, checkers: Sequence[Checker], claims: Sequence[Claim], tier: str) -> Judgement:
    """Run the checkers over a history and weigh what they find by the claims for ``tier``."""
    with collector_paused():
        anomalies = [anomaly for checker in checkers for anomaly in checker(history)]
        reasons = doubts(history)
        for checker in checkers:
            if isinstance(checker, CanAbstain):
                reasons += checker.abstains(history)
    findings = tuple(_weigh(history, anomalies, claims, tier))
    verdicts = [finding.verdict for finding in findings]
    if reasons:
        verdicts.append(Verdict.UNKNOWN)
    return Judgement(Verdict.worst(verdicts), findings, tuple(dict.fromkeys(reasons)))


def _weigh(
    history: History, anomalies: Sequence[Anomaly], claims: Sequence[Claim], tier: str
) -> Iterable[Finding]:
    # A bound is for the case: losses split over writers or groups must not each use it up.
    totals: Counter[Guarantee] = Counter()
    for anomaly in anomalies:
        totals[anomaly.guarantee] += anomaly.count
    for anomaly in anomalies:
        claim = _governing(claims, anomaly.guarantee, tier, _conditions(history, anomaly))
        verdict, why = _weighed(claim, totals[anomaly.guarantee])
        if verdict is Verdict.VIOLATION and anomaly.guarantee in TIMING and _starved(history, anomaly):
            verdict, why = Verdict.UNKNOWN, f"{why}, but the machine was starved"
        yield Finding(anomaly, verdict, claim, why)


def _conditions(history: History, anomaly: Anomaly) -> set[str]:
    """What was observed of the anomaly's destination, or of no destination in particular."""
    return {
        seen.name
        for seen in history.observations
        if not seen.destination or not anomaly.destination or seen.destination == anomaly.destination
    }


def _starved(history: History, anomaly: Anomaly) -> bool:
    """Whether the machine was starved around an anomaly; at any time, of one that has no times.

    An observation ``starved`` is made at the end of the while, whose seconds are its value.
    """
    since, until = anomaly.since or anomaly.until, anomaly.until or anomaly.since
    return any(
        not until or (since <= seen.time + _AROUND and until >= seen.time - seen.value * 1e9 - _AROUND)
        for seen in history.observations
        if seen.name == "starved"
    )


def _governing(
    claims: Sequence[Claim], guarantee: Guarantee, tier: str, conditions: set[str]
) -> Claim | None:
    def rank(claim: Claim) -> tuple[bool, bool, int, int]:
        lenience = [Promise.PROMISED, Promise.BOUNDED, Promise.NOT_PROMISED].index(claim.promise)
        sign = 1 if claim.condition else -1
        return bool(claim.condition), bool(claim.tiers), sign * lenience, sign * claim.bound

    applicable = [
        claim
        for claim in claims
        if claim.guarantee == guarantee
        and (not claim.tiers or tier in claim.tiers)
        and (not claim.condition or claim.condition in conditions)
    ]
    return max(applicable, key=rank, default=None)


def _weighed(claim: Claim | None, total: int) -> tuple[Verdict, str]:
    if claim is None:
        return Verdict.VIOLATION, "no claim allows it"
    under = f"after {claim.condition}, " if claim.condition else ""
    if claim.promise is Promise.NOT_PROMISED:
        return Verdict.ALLOWED, f"{under}not promised by {claim.source}"
    if claim.promise is Promise.PROMISED:
        return Verdict.VIOLATION, f"{under}promised by {claim.source}"
    allowed = f"{under}{claim.source} allows {claim.bound}"
    if total > claim.bound:
        return Verdict.VIOLATION, f"{allowed}, the case has {total}"
    return Verdict.ALLOWED, f"{allowed}, the case has {total}"

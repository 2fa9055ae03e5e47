"""From what pytest and the judge say of a test to the result of a case."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.checkers.judge import Finding, Judgement
from harness.checkers.judge import Verdict as Judged
from harness.model.errors import VerdictUnknown, ViolationFound
from harness.plugin.traces import Traces, traces_of
from harness.reports.result import CaseResult, FindingText, Verdict

if TYPE_CHECKING:
    import pytest

    from harness.plugin.selection import Column

MESSAGES_SHOWN = 5

JUDGED = {
    Judged.OK: Verdict.OK,
    Judged.ALLOWED: Verdict.ALLOWED,
    Judged.UNKNOWN: Verdict.UNKNOWN,
    Judged.VIOLATION: Verdict.VIOLATION,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a case itself tells, once it is over: the judgement, and where its traces are."""

    judgement: Judgement | None = None
    directory: Path | None = None

    @property
    def traces(self) -> Traces:
        """What the history tells."""
        return Traces() if self.directory is None else traces_of(self.directory)

    @property
    def files(self) -> tuple[str, ...]:
        """Where the history, the verdict and the nodes' logs are, as seen from here."""
        return () if self.directory is None else (os.path.relpath(self.directory) + os.sep,)


def planned(item: pytest.Function, column: Column, seed: int, options: Iterable[str]) -> CaseResult:
    """The case that ``item`` is, before it has run.

    ``options`` are those of the command line without which the test would not be collected again.
    """
    scenario = scenario_id(item, column)
    return CaseResult(
        nodeid=item.nodeid,
        scenario=scenario,
        backend=column.backend,
        version=column.version,
        nodes=column.nodes,
        tier=column.tier,
        seed=seed,
        fault=_fault(item),
        reproduce=shlex.join(["pytest", _in_the_checkout(item), *options, "--seed", str(seed)]),
    )


def scenario_id(item: pytest.Function, column: Column) -> str:
    """Module, test and its own parameters; the same in a checkout and in the installed package."""
    names = item.nodeid.partition("[")[0].split("::")[1:]
    own = item.callspec.id.removeprefix(column.id).removeprefix("-")
    parameters = f"[{own}]" if own else ""
    return "::".join((item.module.__name__.removeprefix("harness."), *names)) + parameters


def concluded(
    case: CaseResult, report: pytest.TestReport, error: BaseException | None, told: Told
) -> CaseResult | None:
    """The case after one of pytest's three phases; ``None`` if that phase says nothing about it."""
    verdict = _verdict(report, error, told)
    if verdict is Verdict.NOT_RUN:
        return None
    traces = told.traces
    return replace(
        case,
        verdict=verdict,
        sentence=_sentence(verdict, report, error, told),
        findings=tuple(map(_in_words, told.judgement.findings)) if told.judgement else (),
        strikes=traces.strikes,
        recoveries=traces.recoveries,
        files=told.files,
    )


def _verdict(report: pytest.TestReport, error: BaseException | None, told: Told) -> Verdict:
    if report.skipped:
        return Verdict.XFAIL if hasattr(report, "wasxfail") else Verdict.SKIP
    if report.failed:
        return _failed(report, error)
    if report.when != "call":
        return Verdict.NOT_RUN
    return JUDGED[told.judgement.verdict] if told.judgement else Verdict.OK


def _failed(report: pytest.TestReport, error: BaseException | None) -> Verdict:
    if isinstance(error, ViolationFound):
        return Verdict.VIOLATION
    if isinstance(error, VerdictUnknown):
        return Verdict.UNKNOWN
    return Verdict.FAILED if report.when == "call" else Verdict.ERROR


def _sentence(verdict: Verdict, report: pytest.TestReport, error: BaseException | None, told: Told) -> str:
    if verdict is Verdict.SKIP and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    if told.judgement and verdict in {Verdict.VIOLATION, Verdict.UNKNOWN}:
        return _ground(told.judgement)
    if error is None:
        return ""
    first_line = next(iter(str(error).splitlines()), "")
    return f"{type(error).__name__}: {first_line}".removesuffix(": ")


def _ground(judgement: Judgement) -> str:
    broken = [finding for finding in judgement.findings if finding.verdict is judgement.verdict]
    if broken:
        return broken[0].anomaly.summary
    return "; ".join(judgement.reasons)


def _in_words(finding: Finding) -> FindingText:
    anomaly, claim = finding.anomaly, finding.claim
    return FindingText(
        guarantee=str(anomaly.guarantee),
        verdict=str(finding.verdict),
        number=anomaly.count,
        summary=anomaly.summary,
        why=finding.why,
        quote=claim.quote if claim else "",
        source=claim.source if claim else "",
        evidence=tuple(_evidence(finding)),
    )


def _evidence(finding: Finding) -> Iterable[str]:
    messages, ops = finding.anomaly.messages, finding.anomaly.evidence
    if messages:
        more = len(messages) - MESSAGES_SHOWN
        yield f"messages {', '.join(messages[:MESSAGES_SHOWN])}{f' and {more} more' if more > 0 else ''}"
    if ops:
        yield f"ops {', '.join(map(str, ops))} of the history"


def _fault(item: pytest.Function) -> str:
    """The faults among the test's parameters, told by what they can do."""
    steps = ("inject", "verify", "heal")
    faults = [value for value in item.callspec.params.values() if all(hasattr(value, step) for step in steps)]
    return ", ".join(map(str, faults))


def _in_the_checkout(item: pytest.Function) -> str:
    """The node id to paste in a checkout, where the suites are not below ``harness``."""
    module = item.module.__name__
    if not module.startswith("harness.suites."):
        return item.nodeid
    path = module.removeprefix("harness.").replace(".", "/")
    return f"{path}.py::{item.nodeid.partition('::')[2]}"

"""The block that explains one case which did not pass, ending in a line to paste."""

from __future__ import annotations

from collections.abc import Iterator

from harness.reports.result import CaseResult, FindingText, Verdict
from harness.reports.text import COLUMN, Line, field, plain

TITLE = "broker-harness"
FINDINGS_SHOWN = 5
JUDGED = frozenset({Verdict.VIOLATION, Verdict.UNKNOWN})
"""For the rest, pytest has just printed what happened."""


def failure_block(result: CaseResult, width: int) -> list[Line]:
    """Say in one sentence what happened, then on what it rests, then how to see it again."""
    lines: list[Line] = []
    if result.verdict in JUDGED:
        lines.extend(field("verdict", f"{result.verdict}: {result.sentence}", width))
    findings = _worth_showing(result)
    for finding in findings[:FINDINGS_SHOWN]:
        lines.extend(_finding(finding, width, is_only=len(findings) == 1))
    if len(findings) > FINDINGS_SHOWN:
        lines.extend(field("", f"and {len(findings) - FINDINGS_SHOWN} more, in the files below", width))
    for name, value in _circumstances(result):
        lines.extend(field(name, value, width))
    # Never wrapped: this one is there to be pasted.
    return [*lines, plain(f"{'reproduce':<{COLUMN}}{result.reproduce}")]


def _worth_showing(result: CaseResult) -> list[FindingText]:
    # An unknown verdict rests on its reasons, which are in the sentence.
    if result.verdict is Verdict.UNKNOWN:
        return []
    return sorted(result.findings, key=lambda finding: finding.verdict != "violation")


def _finding(finding: FindingText, width: int, *, is_only: bool) -> Iterator[Line]:
    yield from field("guarantee", finding.guarantee, width)
    yield from field("finding", "" if is_only else f"{finding.verdict}: {finding.summary}", width)
    yield from field("claim", _claim(finding), width)
    yield from field("evidence", "\n".join(finding.evidence), width)


def _claim(finding: FindingText) -> str:
    # What a verdict rests on names its source already, wherever there is one.
    return "\n".join(filter(None, (f'"{finding.quote}"' if finding.quote else "", finding.why)))


def _circumstances(result: CaseResult) -> Iterator[tuple[str, str]]:
    yield "cluster", result.cluster
    yield "fault", "\n".join(result.strikes) or result.fault
    yield "seed", str(result.seed)
    yield "files", "\n".join(result.files)

"""Anomalies that a vendor's own words allow: counted and shown, never silently passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from harness.reports.result import CaseResult, FindingText
from harness.reports.text import Line, field, plain


class Allowance(NamedTuple):
    """What is allowed, where, and by whom."""

    guarantee: str
    cluster: str
    quote: str
    source: str


def allowed(results: Sequence[CaseResult], width: int) -> list[Line]:
    """List each allowance that was made use of, with how often and the sentence it stands on."""
    used: dict[Allowance, list[FindingText]] = {}
    for result in results:
        for finding in result.findings:
            if finding.verdict == "allowed":
                key = Allowance(finding.guarantee, result.cluster, finding.quote, finding.source)
                used.setdefault(key, []).append(finding)
    lines: list[Line] = []
    for allowance, findings in sorted(used.items()):
        lines.extend(_entry(allowance, findings, width))
    return lines


def _entry(allowance: Allowance, findings: Sequence[FindingText], width: int) -> list[Line]:
    messages = sum(finding.number for finding in findings)
    count = f"{_counted(messages, 'message')} in {_counted(len(findings), 'finding')}"
    return [
        plain(f"{allowance.guarantee}: {allowance.cluster}: {count}", "yellow"),
        *field("", f'"{allowance.quote}"', width, column=4),
        *field("", allowance.source, width, column=4),
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

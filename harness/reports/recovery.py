"""The slowest recoveries: measurements, not verdicts, because nobody promises a time."""

from __future__ import annotations

from collections.abc import Sequence

from harness.reports.result import CaseResult
from harness.reports.text import Line, plain

SHOWN = 3


def slowest_recoveries(results: Sequence[CaseResult]) -> list[Line]:
    """Name the cases that took longest to make progress again, slowest first."""
    timed = [(max(result.recoveries), result) for result in results if result.recoveries]
    slowest = sorted(timed, key=lambda pair: -pair[0])[:SHOWN]
    return [line for seconds, result in slowest for line in _entry(seconds, result)]


def _entry(seconds: float, result: CaseResult) -> list[Line]:
    test = result.scenario.partition("::")[2]
    return [plain(f"{seconds:7.1f} s  {result.cluster}"), plain(f"{'':11}{test}")]

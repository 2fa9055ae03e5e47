"""Why cases were skipped: a combination that cannot be is shown, not left out in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.reports.result import CaseResult, Verdict
from harness.reports.text import Line, plain


def skips(results: Sequence[CaseResult]) -> list[Line]:
    """Each reason with the number of cases it holds for, in the order first met."""
    reasons = Counter(result.sentence for result in results if result.verdict is Verdict.SKIP)
    return [
        plain(f"{number:5} case{'s' if number != 1 else ' '}  {reason}") for reason, number in reasons.items()
    ]

"""JUnit properties of a case; a CI system shows and filters by them."""

from __future__ import annotations

from harness.reports.result import CaseResult

PROPERTIES = ("backend", "version", "nodes", "tier", "fault", "seed", "verdict")


def properties(result: CaseResult) -> list[tuple[str, object]]:
    """Name and value of each property, for ``item.user_properties``."""
    values = {name: str(getattr(result, name)) for name in PROPERTIES}
    return list({**values, "verdict": result.verdict.lower()}.items())

"""``harness doctor``: what this machine can do, line by line, each with its remedy."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import emit, emit_json, row

if TYPE_CHECKING:
    from harness.engine.doctor import Finding

_STATE = 9
_CHECK = 24


def doctor(*, json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False) -> None:
    """Say what this machine can do for the harness, and what to do about the rest.

    Exits with 1 only if something is missing without which nothing runs.
    """
    from harness.engine.doctor import examine, lacks  # noqa: PLC0415 - pays for what it uses only

    findings = []
    for finding in examine():
        findings.append(finding)
        if not json:
            emit(lines(finding))
    missing = lacks(findings)
    if json:
        emit_json({"missing": missing, "findings": [asdict(finding) for finding in findings]})
    else:
        emit(f"missing and required: {', '.join(missing)}" if missing else "nothing required is missing")
    if missing:
        raise typer.Exit(1)


def lines(finding: Finding) -> str:
    """Return a finding as people read it, at most 80 columns wide."""
    text = row([finding.state, finding.check, finding.detail], [_STATE, _CHECK])
    if finding.remedy:
        text += "\n" + row(["", f"hint: {finding.remedy}"], [_STATE])
    return text

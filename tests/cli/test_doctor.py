"""``harness doctor``: what people and programs read, and the exit code."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion
from typer.testing import CliRunner

from harness.cli.app import build
from harness.engine import doctor
from harness.engine.doctor import Finding, State

FINDINGS = [
    Finding("engine", State.OK, "20.10.24 at unix:///var/run/docker.sock", required=True),
    Finding(
        "image toxiproxy 2.12.0", State.MISSING, "not here yet; made when first used", "run `harness setup`"
    ),
    Finding("netem", State.MISSING, "Error: Specified qdisc kind is unknown.", "load the kernel module " * 4),
    Finding("loop devices", State.UNKNOWN, "only root may try", "run `harness doctor` as root"),
]


def examined(monkeypatch: pytest.MonkeyPatch, findings: list[Finding]) -> None:
    """Let the doctor find this."""
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))


def test_findings_are_lines_with_hints(snapshot: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns each finding is a line, each remedy a hint below it; less is no failure."""
    examined(monkeypatch, FINDINGS)
    result = CliRunner().invoke(build(), ["doctor"])
    assert result.exit_code == 0
    assert result.stdout == snapshot
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_what_is_required_and_missing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script can rely on the exit code, and a person reads what it is about."""
    examined(monkeypatch, [Finding("engine", State.MISSING, "no answer", "start one", required=True)])
    result = CliRunner().invoke(build(), ["doctor"])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "missing and required: engine"


def test_a_program_reads_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json stdout is one document, and the exit code says the same."""
    examined(monkeypatch, [Finding("engine", State.MISSING, "no answer", "start one", required=True)])
    result = CliRunner().invoke(build(), ["doctor", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "format_version": 1,
        "missing": ["engine"],
        "findings": [
            {
                "check": "engine",
                "state": "missing",
                "detail": "no answer",
                "remedy": "start one",
                "required": True,
            }
        ],
    }

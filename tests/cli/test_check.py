"""``harness check``: stored histories judged again, each by the checkers its scenario asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from syrupy.assertion import SnapshotAssertion

from harness.history.records import FORMAT_VERSION, Header
from harness.history.script import Script
from harness.history.store import merge, part
from tests.cli.conftest import Run


def header(backend: str = "memory") -> Header:
    """Return the first record of a history."""
    return Header(FORMAT_VERSION, "suites.x", backend, "1", 3, "r3", 7, 0, 0, 1)


def sound() -> Script:
    """Return what happens when all goes well."""
    script = Script()
    for message in ("p1-1", "p1-2"):
        script.publish(message)
        script.receive(message)
        script.ack(message)
    script.read_log("p1-1", "p1-2")
    return script


def lossy() -> Script:
    """Return a history in which an acknowledged message is gone."""
    script = Script()
    for message in ("p1-1", "p1-2"):
        script.publish(message)
    script.receive("p1-1")
    script.ack("p1-1")
    script.read_log("p1-1")
    return script


def phantom() -> Script:
    """Return a history in which something came out that nobody sent."""
    script = sound()
    script.receive(script.entry("p9-9", at=9))
    return script


def write(directory: Path, script: Script, verdict: dict[str, Any] | None = None) -> Path:
    """Store a case as a run does."""
    directory.mkdir(parents=True)
    lines = [msgspec.json.encode(record) for record in [header(), *script.ordered()]]
    part(directory, 0).write_bytes(b"\n".join(lines) + b"\n")
    if verdict is not None:
        (directory / "verdict.json").write_text(json.dumps(verdict))
    return directory


def asked(*names: str, verdict: str = "ok", **options: Any) -> dict[str, Any]:
    """Return a stored verdict by these checkers."""
    checkers = [{"name": name, "options": options} for name in names]
    return {"format_version": 1, "verdict": verdict, "findings": [], "reasons": [], "checkers": checkers}


def test_a_sound_case_is_ok(tmp_path: Path, run: Run) -> None:
    """By the checkers its scenario asked for, merged or not; it exits with 0."""
    case = write(tmp_path / "case", sound(), asked("NoLostMessages", "NoPhantomMessages"))
    assert run("check", str(case)).out == "ok         case\n"
    merge(case)
    assert run("check", str(case)).code == 0


def test_a_violation_exits_with_1(tmp_path: Path, run: Run) -> None:
    """It is told with the claim it breaks and the ops that show it, and what was said before."""
    case = write(tmp_path / "case", lossy(), asked("NoLostMessages"))
    done = run("check", str(case))
    assert done.code == 1
    assert done.out.startswith("violation  case (was ok)\n")
    assert "no lost messages: 1 message (p1-2)" in done.out


def test_what_proves_nothing_exits_with_3(tmp_path: Path, run: Run) -> None:
    """Such as a log that nobody read."""
    script = Script()
    script.publish("p1-1")
    case = write(tmp_path / "case", script, asked("NoLostMessages", verdict="unknown"))
    done = run("check", str(case))
    assert done.code == 3
    assert done.out.startswith("unknown    case\n")
    assert "its log was not read whole" in done.out


def test_a_run_is_told_case_by_case(tmp_path: Path, run: Run, snapshot: SnapshotAssertion) -> None:
    """The gravest verdict decides the exit code; the last line counts."""
    write(tmp_path / "nats" / "sound", sound(), asked("NoLostMessages"))
    write(tmp_path / "nats" / "lossy", lossy(), asked("NoLostMessages"))
    write(tmp_path / "redis" / "phantom", phantom(), asked("NoPhantomMessages"))
    (tmp_path / "redis" / "torn").mkdir()
    (tmp_path / "redis" / "torn" / "history.0.jsonl").write_bytes(b"")
    done = run("check", str(tmp_path))
    assert done.code == 1
    assert done.err == "judging 4 cases\n"
    assert done.out == snapshot


def test_without_a_verdict_all_that_need_no_option_are_asked(tmp_path: Path, run: Run) -> None:
    """A case that was killed has a history and nothing else."""
    case = write(tmp_path / "case", phantom())
    done = run("check", str(case))
    assert done.code == 1
    assert "no phantom messages" in done.out


def test_another_checker_can_be_asked(tmp_path: Path, run: Run) -> None:
    """One that the scenario did not ask for."""
    case = write(tmp_path / "case", lossy(), asked("NoPhantomMessages"))
    assert run("check", str(case)).code == 0
    assert run("check", str(case), "--checker", "NoLostMessages").code == 1


def test_a_checker_that_is_not_here_is_a_doubt(tmp_path: Path, run: Run) -> None:
    """What the scenario asked of its own checker is not known any more."""
    case = write(tmp_path / "case", sound(), asked("NoPhantomMessages", "MyOwn"))
    done = run("check", str(case))
    assert done.code == 3
    assert "doubt: not judged again by MyOwn: unknown checker 'MyOwn'" in done.out


def test_a_damaged_history_proves_nothing(tmp_path: Path, run: Run) -> None:
    """What is wrong with it is told."""
    case = write(tmp_path / "case", sound(), asked("NoLostMessages"))
    with part(case, 0).open("a") as file:
        file.write('{"type":"op"}\n{"type":"op"}\n')
    done = run("check", str(case))
    assert done.code == 3
    assert "not a record: Object missing required field" in done.out


def test_a_verdict_that_cannot_be_read_is_left_aside(tmp_path: Path, run: Run) -> None:
    """The history is what counts."""
    case = write(tmp_path / "case", phantom())
    (case / "verdict.json").write_text("{")
    done = run("check", str(case))
    assert done.code == 1
    assert "warning: " in done.err


def test_a_program_reads_one_document(tmp_path: Path, run: Run) -> None:
    """With --json each judgement is as in verdict.json, and the exit code says the same."""
    case = write(tmp_path / "case", lossy(), asked("NoLostMessages"))
    done = run("check", str(case), "--json")
    document = json.loads(done.out)
    assert (done.code, document["verdict"]) == (1, "violation")
    assert document["cases"][0]["case"] == "case"
    assert document["cases"][0]["before"] == "ok"
    assert document["cases"][0]["findings"][0]["messages"] == ["p1-2"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere",), "there is no such directory"),
        (("empty",), "no history is in it or below"),
        (("case", "--checker", "NoLostMessage"), "did you mean 'NoLostMessages'?"),
        (("case", "--checker", "LeaseHonoured"), "checker: 'LeaseHonoured' cannot be used"),
        ((), "Missing argument 'DIRECTORY'"),
    ],
)
def test_misuse_exits_with_2(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    """A directory without a history, and a checker that is none or needs an option."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    write(tmp_path / "case", sound())
    done = run("check", *arguments)
    assert done.code == 2
    assert told in done.err

"""How the command line tells errors: on stderr, in one sentence, with an exit code of its kind."""

from __future__ import annotations

import sys

import pytest

from harness.cli import main
from harness.engine import install
from harness.engine.steps import Say
from harness.model.errors import EngineUnavailable


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Run the command line of this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["harness", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


@pytest.mark.parametrize(
    ("backend", "hint"), [("nat", "did you mean 'nats'?"), ("nats@2", "did you mean nats@2.")]
)
def test_what_makes_no_sense_exits_with_2(
    backend: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt backend or version is the user's to correct, and the error helps."""
    assert run(monkeypatch, "setup", "--backend", backend) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert hint in captured.err
    assert captured.out == ""


def test_what_fails_exits_with_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An error of the machine has its remedy, and no traceback."""

    def failing(say: Say, *, install: bool) -> None:
        raise EngineUnavailable(["unix:///x: no socket there"], "start an engine")

    monkeypatch.setattr(install, "ensure_engine", failing)
    assert run(monkeypatch, "setup") == 1
    assert capsys.readouterr().err == (
        "error: no container engine answers (tried: unix:///x: no socket there)\nhint: start an engine\n"
    )


def test_an_unknown_command_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt command is no riddle."""
    assert run(monkeypatch, "stup") == 2
    assert "Did you mean 'setup'" in capsys.readouterr().err


def test_without_a_command_there_is_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever types the bare name sees what there is, under the name they typed."""
    run(monkeypatch)
    captured = capsys.readouterr()
    assert "Usage: harness [OPTIONS] COMMAND" in captured.out + captured.err
    assert "doctor" in captured.out + captured.err

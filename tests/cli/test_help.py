"""The help: short enough for a screen, and its examples can be typed."""

from __future__ import annotations

import shlex

import pytest

from harness.cli.examples import EXAMPLES
from tests.cli.conftest import Run


@pytest.mark.parametrize("command", EXAMPLES)
def test_the_help_ends_with_examples(run: Run, command: str) -> None:
    """Each on a line of its own, to be copied, and nothing is wider than the terminal."""
    lines = run(*command.split(), "--help").out.rstrip().splitlines()
    assert [line.strip() for line in lines[-len(EXAMPLES[command]) :]] == list(EXAMPLES[command])
    assert max(map(len, lines)) <= 80


def test_all_commands_fit_a_screen(run: Run) -> None:
    """24 lines of 80 columns."""
    assert len(run("--help").out.splitlines()) <= 24


@pytest.mark.parametrize("example", sorted({line for lines in EXAMPLES.values() for line in lines}))
def test_every_example_can_be_typed(run: Run, example: str) -> None:
    """Its command exists and takes these options."""
    _, *arguments = shlex.split(example)
    arguments = arguments if "--help" in arguments else [*arguments, "--help"]
    assert run(*arguments).code == 0

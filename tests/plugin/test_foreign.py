"""Somebody else's tests do not notice that the harness is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

Pytest = Callable[..., pytest.RunResult]
Lines = Callable[[], list[str]]

FOREIGN = """
import pytest, sys

@pytest.fixture
def database(): return 1

@pytest.mark.parametrize("case", ["a", "b"])
def test_parameter(case): assert case in "ab"

class TestFixture:
    @pytest.fixture
    def case(self): return 7
    def test_fixture(self, case): assert case == 7

def test_nothing_is_imported():
    assert [name for name in sys.modules if name.startswith("harness.plugin")] == []
"""


def test_a_foreign_case_is_left_alone(
    project: pytest.Pytester, loaded: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parameters and fixtures called ``case`` work as ever, and nothing of ours is imported or printed."""
    project.makepyfile(test_it=FOREIGN)
    for name in [name for name in sys.modules if name.startswith("harness.plugin")]:
        monkeypatch.delitem(sys.modules, name)
    result = project.runpytest_inprocess(*loaded)
    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("harness *")
    assert not (project.path / "runs").exists()


def test_workers_of_foreign_tests_leave_nothing(
    run_workers: Pytest, project: pytest.Pytester, done: Lines
) -> None:
    """Under xdist no run is begun and no place to meet is made, and xdist deals as it always does."""
    result = run_workers("def test_it(): pass", "-v", "--runs-dir", "here")
    result.assert_outcomes(passed=1)
    assert done() == []
    assert not (project.path / "here").exists()

"""A pytest to test the plugin in: with fake backends, so that no case needs a broker."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

# Imported once for all: pytester forgets whatever a run inside this process imports.

Pytest = Callable[..., pytest.RunResult]

LOADED = () if entry_points(group="pytest11", name="harness") else ("-p", "harness.pytest_plugin")
"""Where the harness is installed, its entry point loads the plugin; in a bare checkout nothing does."""

QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:syrupy")
"""Other plugins of this environment are none of the project's; hypothesis takes seconds to import."""

ALWAYS = (*LOADED, *QUICK, "-p", "fakes", "--seed", "7")


@pytest.fixture
def loaded() -> tuple[str, ...]:
    """The arguments that load the plugin and nothing else."""
    return (*LOADED, *QUICK)


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of 80 columns that has the fake backends."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PY_COLORS", "0")
    # CI and BUILD_NUMBER make pytest print lines that it otherwise cuts.
    ours = ("PYTEST_ADDOPTS", "PYTEST_XDIST_AUTO_NUM_WORKERS", "PYTEST_XDIST_WORKER", "CI", "BUILD_NUMBER")
    for name in ours:
        monkeypatch.delenv(name, raising=False)
    shutil.copy(Path(__file__).with_name("fakes.py"), pytester.path)
    # Workers are processes of their own, and find their modules as a project's would.
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}")
    pytester.syspathinsert()
    return pytester


@pytest.fixture
def run(project: pytest.Pytester) -> Pytest:
    """Run pytest on the project in this process: ``run(source, *arguments)``."""

    def in_process(source: str, *arguments: str) -> pytest.RunResult:
        project.makepyfile(test_it=source)
        return project.runpytest_inprocess(*ALWAYS, *arguments)

    return in_process


@pytest.fixture
def run_workers(project: pytest.Pytester) -> Pytest:
    """Run pytest on the project with two workers, in processes of their own."""

    def in_processes(source: str, *arguments: str) -> pytest.RunResult:
        project.makepyfile(test_it=source)
        return project.runpytest_subprocess(*ALWAYS, "-n", "2", *arguments)

    return in_processes


@pytest.fixture
def done(project: pytest.Pytester) -> Callable[[], list[str]]:
    """What the fake run did, line by line."""

    def lines() -> list[str]:
        log = project.path / "run.log"
        return log.read_text().splitlines() if log.exists() else []

    return lines


@pytest.fixture
def read(project: pytest.Pytester) -> Callable[[pytest.RunResult], str]:
    """What a person reads of a result, without what differs from run to run."""

    def text(result: pytest.RunResult) -> str:
        lines = [line for line in result.outlines if not line.startswith(("platform ", "plugins: "))]
        shown = "\n".join(line.rstrip() for line in lines).replace(str(project.path), "<project>")
        shown = re.sub(r" in \d+\.\d\ds( \(.*?\))?", " in <time>", shown)
        # The rule around the last line is as long as the time is not.
        return re.sub(r"^=+( .* in <time> )=+$", r"=\1=", shown, flags=re.MULTILINE)

    return text

"""With workers: one run, begun and ended by the controller, and one matrix of all of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

Pytest = Callable[..., pytest.RunResult]
Lines = Callable[[], list[str]]

SIX = """
import pytest

@pytest.mark.cluster(nodes=(1, 3))
async def test_six(case):
    if case.spec.backend == "kafka":
        case.ends("unknown", "the fault was not seen to bite")
    if case.spec.backend == "redis":
        case.ends("allowed", "3 messages are gone")
"""

DEADLY = """
import os

async def test_deadly(case):
    if case.spec.backend == "kafka":
        os._exit(9)
"""

BLOCKING = """
import threading
import harness.plugin.running

harness.plugin.running.GRACE = 0.1

import pytest

@pytest.mark.deadline(0.1)
async def test_blocking(case):
    threading.Event().wait()
"""

WITHIN = 60.0
"""Seconds, for what takes one on an idle machine."""


def test_workers_share_one_run(run_workers: Pytest, project: pytest.Pytester, done: Lines) -> None:
    """The run is begun once and ended last, each worker joins it, and the place to meet is gone."""
    result = run_workers(SIX)
    assert result.parseoutcomes() == {"passed": 2, "unknown": 2, "allowed": 2}
    lines = done()
    assert lines[0] == "begun"
    assert lines[-1] == "ended"
    assert lines.count("begun") == 1
    assert 1 <= lines.count("joined") <= 2
    assert [path.name for path in (project.path / "runs").iterdir()] == ["20260102-030405-abcdef"]


def test_workers_report_as_one_process_does(run: Pytest, run_workers: Pytest) -> None:
    """The matrix and what follows it do not depend on who ran what."""

    def ending(result: pytest.RunResult) -> list[str]:
        lines = [line for line in result.outlines if " in " not in line or "finding" in line]
        return lines[next(i for i, line in enumerate(lines) if " matrix " in line) :]

    alone = run(SIX, "--runs-dir", "alone")
    assert ending(alone) == ending(run_workers(SIX))


def test_a_dead_worker_leaves_an_unknown_case(run_workers: Pytest, project: pytest.Pytester) -> None:
    """A case whose worker died is unknown, in the count, the matrix, the block and the JUnit file."""
    result = run_workers(DEADLY, "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"passed": 2, "unknown": 1}
    result.stdout.re_match_lines(
        [
            r"_+ test_deadly\[kafka-1\] _+",
            r"verdict     UNKNOWN: worker died: worker 'gw\d' crashed while running",
            r"reproduce   pytest 'test_it.py::test_deadly\[kafka-1\]' --seed 7",
            r"  test_deadly +UNKNOWN +ok +ok",
        ]
    )
    assert verdicts(project.path / "junit.xml") == {"kafka": "unknown", "nats": "ok", "redis": "ok"}


def test_what_cannot_be_cancelled_ends_its_worker(run_workers: Pytest) -> None:
    """A test that blocks the event loop is ended hard a while after its deadline, with a traceback."""
    result = run_workers(BLOCKING, "--backend", "nats")
    assert result.parseoutcomes() == {"unknown": 1}
    result.stderr.fnmatch_lines(["*Timeout*", "*in test_blocking", "*"])


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "worker"])
def test_ctrl_c_heals_and_ends_the_run(
    project: pytest.Pytester, loaded: tuple[str, ...], done: Lines, workers: tuple[str, ...]
) -> None:
    """After Ctrl-C the case is healed, the run ends, and the matrix says what has not run."""
    project.makepyfile(
        test_it="import anyio\nasync def test_it(case):\n    open('started', 'w')\n    await anyio.sleep(600)"
    )
    command = [sys.executable, "-m", "pytest", *loaded, "-p", "fakes", *workers, "--backend", "nats"]
    environment = {**os.environ, "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{project.path}"}
    with subprocess.Popen(
        command, cwd=project.path, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        seen(project.path / "started")
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert done()[-2:] == ["healed nats@2.15.2-n1-r1", "ended"]
    assert "  test_it                           not run" in output.splitlines()


@pytest.mark.parametrize(
    ("arguments", "scheduler"),
    [
        (["--backend", "nats"], "WorkStealing"),
        (["--backend", "nats", "--dist", "loadfile"], "LoadFile"),
        (["--backend", "nats", "-d"], "Load"),
    ],
    ids=["ours", "dist", "d"],
)
def test_work_is_stolen_unless_told_otherwise(
    run_workers: Pytest, arguments: list[str], scheduler: str
) -> None:
    """``--dist worksteal`` is the default of a run that is meant for us; a choice stands."""
    result = run_workers("async def test_it(case): pass", "-v", *arguments)
    result.stdout.fnmatch_lines([f"scheduling tests via {scheduler}Scheduling"])


def verdicts(junit: Path) -> dict[str, str]:
    """The verdict of each backend's only case."""
    cases = [
        {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
        for case in ET.parse(junit).iter("testcase")  # noqa: S314 - pytest has just written it
    ]
    return {case["backend"]: case["verdict"] for case in cases}


def seen(path: Path) -> None:
    """Return when ``path`` exists."""
    deadline = time.monotonic() + WITHIN
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear within {WITHIN:g} s"
        time.sleep(0.02)

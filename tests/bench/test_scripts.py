"""Every benchmark runs, on tiny inputs and without a container."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "bench"
INSTALLED = bool(entry_points(group="pytest11", name="harness"))
MEMORY = ("--backend", "memory")

TINY = {
    "cluster_start": (*MEMORY, "--cold", "1", "--reused", "2"),
    "faults": (*MEMORY, "--rounds", "1"),
    "judging": ("1000",),
    "matrix": ("--sample", "1", "--workers", "0", "--skip-baseline", "--", *MEMORY, "-k", "round_trip"),
    "plugin_startup": ("--rounds", "1"),
    "throughput": (*MEMORY, "--messages", "50", "--rounds", "1"),
}

FIGURES = {
    "cluster_start": r"memory@1-n3-r3 +cold +\d+\.\d\d s .*, reused +\d+ ms: \d+ times as fast",
    "faults": r"isolate\(follower\) +inject +\d+\.\d ms, seen after +\d+\.\d ms, heal +\d+\.\d ms",
    "judging": r" +reading alone: .*; ratio \d+\.\d",
    "matrix": r"harness +1 cases in +\d+\.\d s +\(1 passed in .*\)",
    "plugin_startup": r"collect one test +without .* adds +-?\d+\.\d ms",
    "throughput": r"memory@1-n1-r1 +bare .*/s, recorded .*/s: \d+ % of the bare client's rate",
}
"""What each prints in the end."""

ALONGSIDE = {"fresh_clusters"}
"""What is no script but a part of one."""


def test_every_script_is_tried() -> None:
    """A new benchmark is added to the tiny runs, and to the list of them in the README."""
    scripts = {path.stem for path in BENCH.glob("*.py")} - ALONGSIDE
    assert scripts == TINY.keys() == FIGURES.keys()
    readme = (BENCH / "README.md").read_text(encoding="utf-8")
    assert [name for name in sorted(scripts) if f"`{name}.py`" not in readme] == []


@pytest.mark.parametrize("script", sorted(TINY))
def test_a_script_prints_its_figure(script: str, pytester: pytest.Pytester) -> None:
    """Run as a user does, it ends well and says the figure and what it is compared with."""
    here = [] if INSTALLED else [str(ROOT)]
    path = os.pathsep.join(filter(None, [*here, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(BENCH / f"{script}.py"), *TINY[script]],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pytest.LineMatcher(done.stdout.splitlines()).re_match_lines([f"^{FIGURES[script]}"])

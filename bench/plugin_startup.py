"""What the plugin adds to a start of pytest, against the same start without it.

Each command is a process of its own, the two variants take turns, and the median of their processor
time is compared: on a busy machine the time on the clock says more about the neighbours. The project
is somebody else's, so that the figure is what everybody pays. Budget: 10 ms.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

BUDGET_MS = 10.0
TEST = "def test_it(): pass\n"
COMMANDS = {"pytest --version": ("--version",), "collect one test": ("--collect-only", "-q")}

INSTALLED = bool(entry_points(group="pytest11", name="harness"))
WITH = () if INSTALLED else ("-p", "harness.pytest_plugin")
WITHOUT = ("-p", "no:harness") if INSTALLED else ()
QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")


def milliseconds(arguments: tuple[str, ...], directory: Path) -> float:
    """Processor time of one pytest, in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    # Bytecode is cached wherever people work; without it the compiler is what is measured.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-m", "pytest", *QUICK, *arguments]
    subprocess.run(command, cwd=directory, env=environment, check=True, capture_output=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(arguments: tuple[str, ...], rounds: int, directory: Path) -> tuple[float, float]:
    """Medians without and with the plugin, of alternating starts."""
    without, with_plugin = [], []
    for _ in range(rounds):
        without.append(milliseconds((*WITHOUT, *arguments), directory))
        with_plugin.append(milliseconds((*WITH, *arguments), directory))
    return statistics.median(without), statistics.median(with_plugin)


def main() -> None:
    """Print one line for each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="starts of each variant")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "test_it.py").write_text(TEST)
        for title, arguments in COMMANDS.items():
            without, with_plugin = compare(arguments, rounds, directory)
            added = with_plugin - without
            print(
                f"{title:20} without {without:6.1f} ms, with {with_plugin:6.1f} ms: "
                f"adds {added:5.1f} ms ({with_plugin / without:.3f}x), budget {BUDGET_MS:g} ms"
            )


if __name__ == "__main__":
    main()

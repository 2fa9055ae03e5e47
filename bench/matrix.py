"""How long the matrix takes, against a fresh cluster for each case.

The same cases are run in three ways, each a pytest of its own:

- *harness*: ``pytest suites -n auto``, as users run it;
- *fresh, side by side*: with as many workers, but every cluster is taken away after its case;
- *fresh, one by one*: the same without workers, which is how suites with a container fixture run: the
  baseline.

Without ``--sample`` that is the whole default matrix, three times. A sample is drawn by its seed; it
makes the harness look slower than it is, for what a cluster costs is shared by fewer cases. Budgets: the
default matrix in 5 minutes on 2 cores, and at least 5 times as fast as fresh clusters one by one.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADED = () if entry_points(group="pytest11", name="harness") else ("-p", "harness.pytest_plugin")
PYTEST = (sys.executable, "-m", "pytest", *LOADED, "-p", "no:cacheprovider", "-q", "-m", "not nightly")
FRESH = ("-p", "fresh_clusters")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each way, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, help="cases; default: all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample and of the cases")
    parser.add_argument("--workers", default="auto")
    parser.add_argument("--skip-baseline", action="store_true", help="run the first way only")
    parser.add_argument("pytest", nargs="*", help="further options of pytest, after --")
    options = parser.parse_args(arguments)
    cases = collected(options.pytest)
    if options.sample:
        cases = random.Random(options.seed).sample(cases, min(options.sample, len(cases)))
    common = (*options.pytest, "--seed", str(options.seed))
    ways = {
        "harness": (*common, "-n", options.workers),
        "fresh, side by side": (*common, "-n", options.workers, *FRESH),
        "fresh, one by one": (*common, *FRESH),
    }
    if options.skip_baseline:
        ways = {"harness": ways["harness"]}
    seconds = {}
    for way, arguments_of_way in ways.items():
        seconds[way], last_line = timed(cases, arguments_of_way)
        ratio = f", {seconds[way] / seconds['harness']:.1f} times as long" if len(seconds) > 1 else ""
        print(f"{way:20} {len(cases)} cases in {seconds[way]:6.1f} s{ratio}   ({last_line})", flush=True)


def collected(options: Sequence[str]) -> list[str]:
    """The ids of all cases, in the order of the matrix; tests that use no case are none."""
    done = subprocess.run(
        [*PYTEST, "--collect-only", *options, "suites", "--ignore=suites/chaos"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    cases = [line for line in done.stdout.splitlines() if "::" in line]
    if done.returncode or not cases:
        sys.exit(f"nothing collected:\n{done.stdout}{done.stderr}")
    return cases


def timed(cases: Sequence[str], options: Sequence[str]) -> tuple[float, str]:
    """Seconds of a run, and pytest's own closing line."""
    with tempfile.TemporaryDirectory() as runs:
        # More cases than a command line holds go into a file.
        chosen = Path(runs) / "cases.txt"
        chosen.write_text("\n".join(cases) + "\n")
        begun = time.perf_counter()
        done = subprocess.run(
            [*PYTEST, "--runs-dir", runs, *options, f"@{chosen}"],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - begun
    lines = done.stdout.strip().splitlines()
    if done.returncode not in {0, 1} or not lines:
        sys.exit(f"pytest ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return seconds, lines[-1].strip("= ")


def environment() -> dict[str, str]:
    """The environment in which pytest finds the checkout and the plugin of the baseline."""
    here = [str(Path(__file__).parent), *([str(ROOT)] if LOADED else [])]
    path = os.pathsep.join(filter(None, [*here, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PY_COLORS": "0"}


if __name__ == "__main__":
    main()

"""The examples of the pages do what the pages say, on the memory backend and without an engine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-scenario.md"
FAULT = ROOT / "docs" / "how-to" / "add-a-fault.md"
CHECKER = ROOT / "docs" / "how-to" / "add-a-checker.md"
REPRODUCE = ROOT / "docs" / "how-to" / "reproduce-a-failure.md"

IS_INSTALLED = bool(entry_points(group="pytest11", name="harness"))
WITHIN = 120.0

LEASE = """
from harness import Case, LeaseHonoured

async def test_an_unacknowledged_order_comes_back(case: Case) -> None:
    orders = await case.destination("orders")
    await case.publish(orders, case.message(b"an order"))
    holder = await case.subscription(orders, group="billing", lease=2)
    await holder.take(1, within=10, ack=False)
    other = await case.subscription(orders, group="billing", lease=2)
    await other.take(1, within=15)
    case.check(LeaseHonoured(10))
"""
"""The scenario whose failure the how-to shows: it expects another lease than it asks for."""


def python_blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


class Examples(NamedTuple):
    """What running the examples in one project came to."""

    verdicts: Mapping[str, str]
    output: str
    directory: Path

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project."""
        return run(self.directory, *arguments)


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as a reader does in a project of theirs, where no engine answers."""
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))},
        "BROKER_HARNESS_STATE": str(directory / "state"),
        "DOCKER_HOST": f"unix://{directory}/no-engine.sock",
        "COLUMNS": "80",
        "NO_COLOR": "1",
    }
    if not IS_INSTALLED:
        variables["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=directory, env=variables, capture_output=True, text=True, timeout=WITHIN, check=False
    )


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Run every example that has a verdict, side by side, once for all tests here."""
    directory = tmp_path_factory.mktemp("project")
    stop, scenario = python_blocks(FAULT)[1:3]
    files = {
        "test_readme.py": python_blocks(ROOT / "README.md")[0],
        "test_mistake.py": python_blocks(TUTORIAL)[0],
        "test_mended.py": python_blocks(TUTORIAL)[1],
        "stop.py": stop,
        "test_stop.py": scenario,
        "test_lease.py": LEASE,
    }
    for name, source in files.items():
        (directory / name).write_text(source, encoding="utf-8")
    plugin = () if IS_INSTALLED else ("-p", "harness.pytest_plugin")
    options = ("--backend", "memory", "-n", "6", "--junitxml", "junit.xml")
    result = run(directory, "-m", "pytest", *plugin, *options)
    return Examples(verdicts(directory / "junit.xml"), result.stdout + result.stderr, directory)


def verdicts(junit: Path) -> dict[str, str]:
    """The verdict of each case, as a CI system would read it."""
    cases = ET.parse(junit).getroot().iter("testcase")  # noqa: S314 - written by our own pytest
    return {
        f"{case.get('classname')}::{case.get('name')}": str(each.get("value"))
        for case in cases
        for each in case.iter("property")
        if each.get("name") == "verdict"
    }


def test_the_examples_come_to_the_verdicts_that_the_pages_say(examples: Examples) -> None:
    """The README's is ok under both faults, the tutorial's is unknown until mended, the new fault works."""
    assert examples.verdicts == {
        "test_readme::test_orders_survive_losing_the_leader[memory-3-pause(leader)]": "ok",
        "test_readme::test_orders_survive_losing_the_leader[memory-3-kill(leader)]": "ok",
        "test_mistake::test_orders_survive_a_frozen_leader[memory-3]": "unknown",
        "test_mended::test_orders_survive_a_frozen_leader[memory-3]": "ok",
        "test_stop::test_orders_survive_a_stopped_leader[memory-3]": "ok",
        "test_lease::test_an_unacknowledged_order_comes_back[memory-1]": "violation",
    }, examples.output


def test_the_tutorials_mistake_is_told_in_the_words_of_the_page(examples: Examples) -> None:
    """What the reader sees is what the page shows, but for names and numbers."""
    said = " ".join(examples.output.split())
    assert "its log was not read whole after healing, so losses cannot be told" in said
    assert "bitten, reacted, healed" in said
    shown = " ".join(TUTORIAL.read_text("utf-8").split())
    assert "its log was not read whole after healing, so losses cannot be told" in shown
    assert "bitten, reacted, healed" in shown


def test_a_failure_is_read_and_judged_again_as_the_how_to_says(examples: Examples) -> None:
    """The snippets print both deliveries, and the verdict with the right lease; ``check`` tells every one."""
    read, _, again = python_blocks(REPRODUCE)
    seen = examples.python("-c", read)
    assert re.search(r"op \d+ m-\d+ attempt 1\n.*op \d+ m-\d+ attempt 2", seen.stdout), seen.stderr
    checked = examples.python("-c", "from harness.cli import main; main()", "check", "runs/latest")
    found = sorted(line.split()[0] for line in checked.stdout.splitlines() if "memory/test-" in line)
    assert found == sorted(examples.verdicts.values()), checked.stdout
    assert checked.returncode == 1
    assert examples.python("-c", again).stdout == "ok\n"


def test_a_history_is_unpacked_as_the_how_to_says(examples: Examples) -> None:
    """The standard library's gzip suffices, and what it leaves beside the history harms nobody."""
    [history] = (examples.directory / "runs" / "latest").glob("memory/test-mended-*/history.jsonl.gz")
    assert examples.python("-m", "gzip", "-d", str(history)).returncode == 0
    assert '"op":6,' in history.with_suffix("").read_text("utf-8")
    reading = "import sys, harness, pathlib; print(len(list(harness.read_case(pathlib.Path(sys.argv[1])))))"
    lines = history.with_suffix("").read_text("utf-8").count("\n")
    assert int(examples.python("-c", reading, str(history.parent)).stdout) == lines


def test_the_new_checker_passes_its_own_tests(tmp_path: Path) -> None:
    """The how-to's checker finds a fourth delivery and lets three pass."""
    checker, _, its_tests = python_blocks(CHECKER)
    (tmp_path / "handed_out.py").write_text(checker, encoding="utf-8")
    (tmp_path / "test_handed_out.py").write_text(its_tests, encoding="utf-8")
    result = run(tmp_path, "-m", "pytest", "-q")
    assert "2 passed" in result.stdout, result.stdout + result.stderr

"""How the controller and its workers meet over one run, when none of them may begin it early.

The controller does not collect, so it cannot know whether any test uses ``case``; xdist hands it
ids only, and hands workers their input before they collect. A run must not be begun in vain: it
makes a directory and starts a janitor, and another project's tests must not notice this plugin.
So each worker that collected cases *writes them down* in a place both sides know, before xdist
reports the collection as finished; the controller looks there when it hears of that, begins the
run if there is something, and leaves the run's data in the same place.

The place is a directory named after the test run's unique id below the run directories; nothing
is made until a worker has cases.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.model.errors import DeadlineExceeded

RUN_WITHIN = 60.0
"""Seconds: the controller begins the run before it deals the first test, so this is never waited."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """The place where the two sides meet."""

    place: Path

    def leave_cases(self, cases: list[dict[str, Any]]) -> None:
        """On a worker: write down what was collected; all workers write the same."""
        self.place.mkdir(parents=True, exist_ok=True)
        _write(self.place / "cases.json", cases)

    def cases(self) -> list[dict[str, Any]]:
        """On the controller: what the workers collected so far; empty if there are no cases."""
        return _read(self.place / "cases.json") or []

    def leave_run(self, data: dict[str, Any]) -> None:
        """On the controller: tell the workers which run theirs is."""
        _write(self.place / "run.json", data)

    def run(self, within: float = RUN_WITHIN) -> dict[str, Any]:
        """On a worker: the data of the run; raises ``DeadlineExceeded`` if the controller left none."""
        deadline = time.monotonic() + within
        while (data := _read(self.place / "run.json")) is None:
            if time.monotonic() > deadline:
                seen = sorted(path.name for path in self.place.glob("*")) or "nothing"
                raise DeadlineExceeded(f"the controller's run in {self.place}", within, seen)
            time.sleep(0.01)
        return dict(data)

    def end(self) -> None:
        """On the controller: remove the place."""
        shutil.rmtree(self.place, ignore_errors=True)


def _write(path: Path, data: Any) -> None:
    # Whole or not at all: the other side may be reading.
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json.dumps(data))
    part.replace(path)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None

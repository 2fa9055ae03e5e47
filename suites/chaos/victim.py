"""A pytest run in processes of its own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import entry_points
from pathlib import Path
from typing import Self

import harness
from harness import DeadlineExceeded

from .remains import MARK, Process, processes, until_nothing

INSTALLED = bool(entry_points(group="pytest11", name="harness"))
LOADED = () if INSTALLED else ("-p", "harness.pytest_plugin")
"""Where the harness is installed, its entry point loads the plugin; in a bare checkout nothing does."""

UP_WITHIN = 150.0
"""Seconds for a cluster to boot and a fault to bite, on a machine that runs a matrix beside."""

JANITOR_WITHIN = 30.0


class Victim:
    """A run of ``source`` in a new ``directory``; all of it is ended with the block."""

    def __init__(self, directory: Path, state: Path, source: str, *arguments: str) -> None:
        directory.mkdir()
        self.directory = directory
        self._mark = uuid.uuid4().hex
        self._output = directory / "output.txt"
        (directory / "pytest.ini").write_text("[pytest]\n")
        (directory / "test_victim.py").write_text(source)
        command = [sys.executable, "-m", "pytest", *LOADED, "-p", "no:cacheprovider", *arguments]
        with self._output.open("wb") as output, _interruptible():
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=_environment(state, self._mark),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def owner(self) -> str:
        """The id of its run, empty before it has one."""
        directories = [path for path in (self.directory / "runs").glob("[0-9]*") if path.is_dir()]
        return directories[0].name if directories else ""

    def output(self) -> str:
        """What it has written."""
        return self._output.read_text(errors="replace")

    def processes(self) -> list[str]:
        """All that runs of it, in words."""
        return [str(process) for process in processes(self._mark)]

    def await_faults(self, count: int) -> None:
        """Return when so many faults are in force."""
        self.await_true(lambda: len(self._struck()) >= count, f"{count} faults in force")

    def say(self, name: str) -> None:
        """Write a file that a test of it waits for."""
        (self.directory / name).touch()

    def await_file(self, name: str) -> None:
        """Return when a test of it has written this file."""
        self.await_true((self.directory / name).exists, f"the file {name}")

    def await_true(self, condition: Callable[[], bool], what: str) -> None:
        """Return when ``condition`` answers true; raises with the output if the run ends before."""

        def lacking() -> list[str]:
            if self._process.poll() is not None:
                raise AssertionError(f"the run ended before {what}:\n{self.output()}")
            return [] if condition() else [self.output()[-2000:]]

        until_nothing(lacking, f"{what} of the victim", UP_WITHIN)

    def kill_worker(self, fault: str) -> None:
        """SIGKILL the worker in whose case ``fault`` is in force."""
        [history] = [path for path in self._struck() if fault in path.parent.name]
        os.kill(json.loads(history.read_text().partition("\n")[0])["pid"], signal.SIGKILL)

    def kill(self, *roles: str) -> bool:
        """SIGKILL the ``controller``, the ``workers``, the ``janitor``.

        ``ctrl-c`` interrupts all of the foreground group, as a terminal does; ``interrupt`` the
        controller alone, as a CI does.
        Returns whether a janitor watched over the run just before.
        """
        family = [(self._role(process), process) for process in processes(self._mark)]
        for role in roles:
            if role in {"ctrl-c", "interrupt"}:
                self._signal(-self._process.pid if role == "ctrl-c" else self._process.pid, signal.SIGINT)
            for its_role, process in family:
                if its_role == role:
                    self._signal(process.pid, signal.SIGKILL)
        return "janitor" in dict(family)

    def wait(self, within: float) -> int:
        """Return the exit status; raises ``DeadlineExceeded`` with the output if it goes on."""
        try:
            return self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise DeadlineExceeded("the run has ended", within, self.output()[-4000:]) from None

    def passes_by(self, seconds: float) -> None:
        """Let it run for so long, or until it ends."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End whatever is left of it, the janitor only if it does not come to an end by itself."""
        self.kill("controller")
        self._process.wait()
        try:
            until_nothing(self.processes, "all processes of the victim gone", JANITOR_WITHIN)
        finally:
            for process in processes(self._mark):
                self._signal(process.pid, signal.SIGKILL)

    def _struck(self) -> list[Path]:
        histories = sorted((self.directory / "runs").glob("[0-9]*/*/*/history.0.jsonl"))
        return [path for path in histories if '"stage":"injected"' in path.read_text()]

    def _role(self, process: Process) -> str:
        if process.pid == self._process.pid:
            return "controller"
        if process.parent != self._process.pid:
            return "descendant"
        return "janitor" if "harness.engine.janitor_process" in process.command else "workers"

    def _signal(self, pid: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number) if pid > 0 else os.killpg(-pid, number)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let what starts meanwhile hear Ctrl-C, which all ignore that descends from a shell's background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _environment(state: Path, mark: str) -> dict[str, str]:
    """The environment of a run that is nobody's worker."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_CORE_"))
    }
    if not INSTALLED:
        package = str(Path(harness.__file__).resolve().parent.parent)
        kept["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return {**kept, "BROKER_HARNESS_STATE": str(state), MARK: mark, "PY_COLORS": "0", "COLUMNS": "100"}

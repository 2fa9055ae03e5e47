"""One invocation: its directory, its janitor, and everything it owns until it ends."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from harness.backends import load_backend
from harness.engine import ownership
from harness.engine.cluster import KEPT_SECONDS
from harness.engine.description import described
from harness.engine.janitor import Janitor
from harness.engine.processes import end_with
from harness.engine.sweep import remove_owner, remove_stale_files, sweep
from harness.model.errors import HarnessError
from harness.scenario.case import Case
from harness.scenario.case_spec import CaseSpec
from harness.scenario.pool import Pool


@dataclass(slots=True)
class Run:
    """A run as the controller (``begin``) or a worker (``join``) of it holds it."""

    run_id: str
    directory: Path
    seed: int
    keep: bool
    _janitor: Janitor | None = None
    _lock: Any = None
    _pool: Pool | None = field(default=None, repr=False)

    @classmethod
    def begin(cls, runs_dir: Path, seed: int, *, keep: bool = False, containers: bool = True) -> Run:
        """Sweep what dead runs left, make the run's directory, and have a janitor watch over it.

        With ``containers`` False no engine is asked for, so there is nothing to sweep or to watch.
        Raises ``EngineUnavailable`` when there is no container engine.
        """
        name = new_run_id()
        directory = runs_dir.absolute() / name
        directory.mkdir(parents=True)
        _point_latest(directory)
        if not containers:
            return cls(name, directory, seed, keep)
        lock = ownership.hold(name)
        sweep(_say)
        return cls(name, directory, seed, keep, Janitor.start(name, directory), lock)

    @classmethod
    def join(cls, data: dict[str, Any]) -> Run:
        """A worker's part of the run that ``as_dict`` of the controller describes.

        Raises ``HarnessError`` when the run is over: nobody would look after what is started now.
        """
        run = cls(data["run_id"], Path(data["directory"]), data["seed"], data["keep"])
        if data["containers"]:
            # The janitor does it too, but it may be gone; and what blocks in here would go on for minutes.
            end_with(os.getppid())
            # In this order: a janitor that was there first sees to us when the controller dies.
            run._janitor = Janitor.connect(run.run_id)
            if not ownership.is_alive(run.run_id):
                run._janitor.stop()
                raise HarnessError(f"run {run.run_id} is over: its controller has ended")
        return run

    def as_dict(self) -> dict[str, Any]:
        """What a worker needs, as JSON can carry it."""
        return {
            "run_id": self.run_id,
            "directory": str(self.directory),
            "seed": self.seed,
            "keep": self.keep,
            "containers": self._lock is not None,
        }

    @property
    def owner(self) -> str:
        """What the run's clusters are labelled with: kept ones must not look like a dead run's."""
        return f"{ownership.KEPT}{self.run_id}" if self.keep else self.run_id

    @property
    def janitor(self) -> Janitor | None:
        """The connection to the run's janitor."""
        return self._janitor

    @property
    def pool(self) -> Pool:
        """The pool this process leases its clusters from."""
        if self._pool is None:
            self._pool = Pool(self.owner, self._janitor, _say)
        return self._pool

    def end(self) -> None:
        """Remove everything the run owns and part from the janitor; kept clusters are named instead."""
        if self.keep:
            for description in described(self.owner):
                _say(f"kept: {description.spec}, cluster {description.id}, for {KEPT_SECONDS / 3600:g} hours")
        if self._lock is not None:
            remove_owner(self.run_id)
        if self._janitor is not None:
            self._janitor.stop()
        if self._lock is not None:
            self._lock.release()
            remove_stale_files()


def new_run_id() -> str:
    """A name that sorts by time and that no other run has."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


@asynccontextmanager
async def open_case(spec: CaseSpec, run: Run) -> AsyncIterator[Case]:
    """Lease a cluster, and open the case on it; the cluster is healed or replaced afterwards."""
    backend = load_backend(spec.backend)
    lease = await to_thread.run_sync(run.pool.lease, backend, spec.cluster_spec)
    case = None
    try:
        case = Case(spec, backend, lease.cluster, _new_directory(spec, run), run.janitor)
        async with case.open():
            yield case
    finally:
        reusable = case is not None and case.reusable
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(lambda: run.pool.release(backend, lease, reusable=reusable))


def _new_directory(spec: CaseSpec, run: Run) -> Path:
    """Make the case's directory; a test may be repeated, and long names are cut to the same one."""
    directory = run.directory / spec.backend / spec.directory_name
    directory.parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        try:
            directory.mkdir()
        except FileExistsError:
            number += 1
            directory = directory.with_name(f"{spec.directory_name}~{number}")
        else:
            return directory


def _point_latest(directory: Path) -> None:
    latest = directory.parent / "latest"
    partial = latest.with_name(f".latest-{os.getpid()}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(directory.name)
    partial.replace(latest)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")

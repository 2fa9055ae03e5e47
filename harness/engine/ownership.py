"""Who owns what, and whether that owner is still there.

A run is alive as long as its controller holds the lock on ``runs/<run id>.lock`` in the state
directory. The kernel lets go of a file lock when its holder dies, however it dies, and unlike a
process id a lock cannot be taken for that of an unrelated newcomer.

The lock file stays when the run ends: it is how a later sweep tells an ended run of this user,
whose left-overs go at once, from a run it knows nothing about (see ``sweep``).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.statedir import state_directory
from harness.model.errors import BadOption

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import FileLock

KEPT = "kept-"
"""How the owner of a cluster that is kept on purpose begins."""

_PATIENCE = 5.0
"""Seconds to wait for a lock that only a prober or a sweep can hold, each for less than 1 ms."""


def runs_directory() -> Path:
    """Return the directory of the run locks and janitor sockets, creating it if need be."""
    directory = state_directory() / "runs"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def lock_path(run_id: str) -> Path:
    """Where the lock of a run is.

    Raises ``BadOption`` for an id that names no file of its own, or that a kept cluster has.
    """
    if not run_id or "/" in run_id or run_id.startswith((".", KEPT)):
        raise BadOption("run id", run_id, f"it has to be a file name, and not begin with '.' or {KEPT!r}")
    return runs_directory() / f"{run_id}.lock"


def hold(run_id: str) -> FileLock:
    """Declare the run alive until the lock returned is released or this process ends.

    Keep a reference to it: a lock that is garbage-collected is released.

    Raises ``BadOption`` when another process holds it, so that no two runs share an id.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only a controller needs it

    lock = FileLock(lock_path(run_id), thread_local=False)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        raise BadOption("run id", run_id, "a run of that id is alive") from None
    return lock


def is_alive(run_id: str) -> bool:
    """Whether some process, this one included, holds the lock of the run."""
    return is_locked(lock_path(run_id))


def is_locked(path: Path) -> bool:
    """Whether some process, this one included, holds the file lock at ``path``.

    A shared lock is asked for, so that two probers never take one another for the holder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_known(run_id: str) -> bool:
    """Whether the run left its lock file here; if not, its liveness cannot be judged from here."""
    return lock_path(run_id).exists()


def known_runs() -> Iterator[str]:
    """Every run that left its lock file here, alive or not."""
    return (path.stem for path in sorted(runs_directory().glob("*.lock")))


def forget(run_id: str) -> None:
    """Remove the files of a run that has ended and owns nothing any more; a live run keeps them."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - only a sweep needs it

    try:
        # Taken while unlinking: whoever waits for the lock then sees that its file is gone.
        with FileLock(lock_path(run_id), blocking=False):
            for path in (lock_path(run_id), socket_path(run_id)):
                path.unlink(missing_ok=True)
    except Timeout:
        return


def socket_path(run_id: str) -> Path:
    """Where the janitor of a run listens."""
    return lock_path(run_id).with_suffix(".sock")

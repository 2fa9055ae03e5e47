"""Memory that is spoken for: by clusters that boot, and so take none yet.

A reservation is a file ``clusters/<any name>.reserved`` of ``MEGABYTES PID STARTED WHAT``; it counts
as long as that process runs.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, NamedTuple

from harness.engine.processes import ProcessIdentity, identify, is_running
from harness.engine.statedir import state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUFFIX = ".reserved"
_NOT_KNOWN = "-"


class Reservation(NamedTuple):
    """What one file says."""

    path: Path
    megabytes: int
    holder: ProcessIdentity


def reserve(megabytes: int, what: object) -> Path:
    """Speak for memory until the file returned is removed or this process ends."""
    pid, started = identify(os.getpid())
    directory = state_directory() / "clusters"
    directory.mkdir(exist_ok=True)
    path = directory / f"{uuid.uuid4().hex}{SUFFIX}"
    path.write_text(f"{megabytes} {pid} {_NOT_KNOWN if started is None else started} {what}")
    return path


def reserved_megabytes() -> int:
    """What living processes have spoken for."""
    return sum(one.megabytes for one in _reservations() if is_running(one.holder))


def forget_abandoned() -> None:
    """Remove the reservations of processes that have ended."""
    for one in _reservations():
        if not is_running(one.holder):
            one.path.unlink(missing_ok=True)


def _reservations() -> Iterator[Reservation]:
    for path in (state_directory() / "clusters").glob(f"*{SUFFIX}"):
        try:
            megabytes, pid, started, _ = path.read_text().split(" ", 3)
            holder = ProcessIdentity(int(pid), None if started == _NOT_KNOWN else int(started))
            yield Reservation(path, int(megabytes), holder)
        except (FileNotFoundError, ValueError):  # gone meanwhile, or only half written
            continue

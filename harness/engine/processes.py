"""Telling a process from a later one that got the same id, and ending exactly that one."""

from __future__ import annotations

import ctypes
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_ENDED = frozenset("ZXx")
"""The states of a process that has ended but whose entry is still there (proc(5))."""

_START_FIELD = 22
"""Which field of ``/proc/PID/stat`` is the start time in clock ticks since boot (proc(5))."""

_PR_SET_PDEATHSIG = 1
"""The parent-death signal (prctl(2))."""


class ProcessIdentity(NamedTuple):
    """A process for good: its id may be used again, but not with the same start time.

    ``started`` is None where there is no ``/proc``; the id alone is all there is to go by then.
    """

    pid: int
    started: int | None


def identify(pid: int) -> ProcessIdentity:
    """Identify the process that has this id now; ``started`` is -1 if none has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ProcessIdentity(pid, -1 if Path("/proc/self/stat").exists() else None)
    # The second field is the program's name in parentheses, and may hold blanks and parentheses.
    after_name = stat.rpartition(")")[2].split()
    # A zombie has ended; when its parent, or whoever inherited it, looks is none of our business.
    return ProcessIdentity(pid, -1 if after_name[0] in _ENDED else int(after_name[_START_FIELD - 3]))


def is_running(process: ProcessIdentity) -> bool:
    """Whether it still runs; never true of what had ended when it was identified."""
    return process.started != -1 and identify(process.pid) == process


def kill(process: ProcessIdentity) -> bool:
    """End it with SIGKILL; returns whether it was there to be ended.

    The process is pinned by a descriptor first, so that its id cannot change hands between the
    look and the kill.
    """
    with suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            return _kill_by_id(process)
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError as error:
            if isinstance(error, ProcessLookupError):
                return False
            return _kill_by_id(process)  # a kernel before 5.3
        try:
            if is_running(process):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                return True
        finally:
            os.close(descriptor)
    return False


def end_with(parent: int) -> bool:
    """Have the kernel end this process with SIGKILL when ``parent`` ends, frozen or blocked as it may be.

    Returns whether ``parent`` is this process's parent still. Where the kernel is not Linux's nothing
    is arranged. It is the thread that has started this process whose end counts (prctl(2)).
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return os.getppid() == parent


def _kill_by_id(process: ProcessIdentity) -> bool:
    if is_running(process):
        os.kill(process.pid, signal.SIGKILL)
        return True
    return False

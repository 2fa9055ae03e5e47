"""Installing Debian packages where that is possible and allowed: as root, on Debian or Ubuntu."""

from __future__ import annotations

import functools
import os
import platform
import shutil
import threading
import time
from collections.abc import Sequence

from filelock import FileLock

from harness.engine.statedir import state_directory
from harness.engine.steps import Say, Step, StepFailed

_LOCK_SECONDS = 300.0
_RETRY_SECONDS = 1.0
_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
_LOCKED = ("Could not get lock", "Unable to acquire", "Unable to lock")

_one_at_a_time = threading.Lock()


def obstacle() -> str:
    """Return why packages cannot be installed here, empty if they can."""
    if not _is_debian() or not shutil.which("apt-get"):
        return "this is neither Debian nor Ubuntu"
    if os.geteuid() != 0:
        return "only root may install packages"
    return ""


def command(packages: Sequence[str]) -> str:
    """Return what a person has to run to have ``packages``."""
    return f"apt-get update && apt-get install --no-install-recommends {' '.join(packages)}"


def install(packages: Sequence[str], say: Say) -> None:
    """Install ``packages``, one caller of the machine at a time; waits for another's package lock.

    Raises ``StepFailed`` with apt's last words.
    """
    wanted = " ".join(packages)
    with _one_at_a_time, FileLock(state_directory() / "apt.lock"):
        _update(say)
        say(f"installing {wanted}")
        _apt(f"installing {wanted}", ["install", *packages], say)


@functools.cache
def _update(say: Say) -> None:
    """Fetch the package lists once in a process; a source that fails may not be the one we need."""
    say("apt-get update")
    try:
        _apt("apt-get update", ["update"], say)
    except StepFailed as error:
        say(f"going on with the package lists there are, because {error}")


def _apt(what: str, arguments: Sequence[str], say: Say) -> None:
    options = ["-q", "-y", "--no-install-recommends", "-o", f"DPkg::Lock::Timeout={_LOCK_SECONDS:.0f}"]
    step = Step(what, ["apt-get", *options, *arguments], env=_ENVIRONMENT)
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            step.run(say)
        except StepFailed as error:
            # apt waits for dpkg's lock, but not for that of its package lists.
            locked = any(sign in error.output for sign in _LOCKED)
            if not locked or time.monotonic() > deadline:
                raise
            say(f"{what}: another process holds apt's lock")
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _is_debian() -> bool:
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return False
    return "debian" in {release.get("ID", ""), *release.get("ID_LIKE", "").split()}

"""Where what outlives a process is kept: locks, cluster files, the engine's log."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from harness.model.errors import BadOption

STATE = "BROKER_HARNESS_STATE"
"""The environment variable that names the state directory."""


def state_directory() -> Path:
    """Return the directory of this user on this machine, creating it with mode 0700.

    ``BROKER_HARNESS_STATE`` if set, else ``broker-harness`` below ``XDG_RUNTIME_DIR``, else
    ``broker-harness-UID`` below the temporary directory. All processes of a run must agree on it.

    Raises ``BadOption`` if it is not a directory, or others own it or may write to it: in a shared
    temporary directory somebody else may have made it first.
    """
    path, option = _chosen()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadOption(option, str(path), f"it cannot be made: {error}") from error
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise BadOption(option, str(path), f"it is not a directory; set {STATE} to another")
    if status.st_uid != os.geteuid():
        raise BadOption(option, str(path), f"user {status.st_uid} owns it; set {STATE} to another")
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return path


def _chosen() -> tuple[Path, str]:
    if explicit := os.environ.get(STATE):
        return Path(explicit).absolute(), STATE
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime).absolute() / "broker-harness", "XDG_RUNTIME_DIR"
    return Path(tempfile.gettempdir()) / f"broker-harness-{os.geteuid()}", "state directory"

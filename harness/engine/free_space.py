"""Whether the disk has room for clusters; a broker on a full disk fails in ways nobody asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.model.errors import HarnessError

NEEDED_MEGABYTES = 1024
"""What a run of the default matrix keeps at most in volumes and histories, and as much again."""

_ENGINE_PLACES = (Path("/var/lib/docker"), Path("/var/lib/containers"), Path("/var"), Path("/"))


def engine_place() -> Path:
    """Where the engine keeps images and volumes by default; where it is elsewhere, a guess."""
    return next(path for path in _ENGINE_PLACES if path.exists())


def refuse_full_disk(place: Path) -> None:
    """Raise ``HarnessError`` naming the place when it has less than a gigabyte left."""
    free = shutil.disk_usage(place).free // 1024**2
    if free < NEEDED_MEGABYTES:
        raise HarnessError(
            f"the disk is nearly full: {free} MB free at {place}, {NEEDED_MEGABYTES} needed\n"
            "hint: free some, for example by `docker system prune`, then run again",
        )

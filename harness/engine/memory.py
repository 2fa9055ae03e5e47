"""How much memory this machine has left."""

from __future__ import annotations

import os
from pathlib import Path


def available_megabytes() -> int:
    """What can be used without swapping, as the kernel estimates it."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (2 * 1024 * 1024)

"""How many workers a machine bears, and why that many."""

from __future__ import annotations

import os
from typing import NamedTuple

PER_CORE = 3
"""A case mostly waits: for elections, leases, restarts."""

MEGABYTES_EACH = 1536
"""A worker's share of a cluster of three Kafka nodes, its clients and itself, with room to spare."""


class Workers(NamedTuple):
    """A number of workers and the words that explain it."""

    number: int
    why: str


def bearable(cores: int, megabytes: int) -> Workers:
    """At most three a core and one for each 1.5 GiB of available memory; at least one."""
    by_cores, by_memory = cores * PER_CORE, megabytes // MEGABYTES_EACH
    number = max(1, min(by_cores, by_memory))
    cause = (
        f"{PER_CORE} per core on {cores}" if by_cores <= by_memory else "one per 1.5 GiB of available memory"
    )
    return Workers(number, cause)


def of_this_machine() -> Workers:
    """Judge by the cores this process may use and the memory that is available now."""
    from harness.engine.memory import available_megabytes  # noqa: PLC0415 - asked once, on -n auto

    return bearable(len(os.sched_getaffinity(0)), available_megabytes())

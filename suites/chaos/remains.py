"""What is left of a run, seen with eyes that are not the harness's: the engine's own lists and ``/proc``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from docker import APIClient

from harness import DeadlineExceeded

OWNER = "broker-harness.owner"
"""The label on everything the harness makes."""

MARK = "BROKER_HARNESS_CHAOS"
"""The variable whose value every process of a victim inherits, however far down it is started."""


class Process(NamedTuple):
    """A process of a victim, as ``/proc`` shows it."""

    pid: int
    parent: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command[:120].strip()})"


class Engine:
    """The container engine, asked by label only."""

    def __init__(self, url: str) -> None:
        self._api = APIClient(base_url=url, version="auto", timeout=30)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def owned(self, owner: str) -> list[str]:
        """What an owner has, in words: a container with its state, networks and volumes."""
        return sorted(
            [
                *(f"container {c['Names'][0][1:]} is {c['State']}" for c in self._containers(owner)),
                *(f"network {network['Name']}" for network in self._api.networks(filters=_of(owner))),
                *(f"volume {name}" for name in self._volumes(owner)),
            ]
        )

    def remove(self, owner: str) -> None:
        """Remove all an owner has."""
        for container in self._containers(owner):
            self._api.remove_container(container["Id"], force=True, v=True)
        for network in self._api.networks(filters=_of(owner)):
            self._api.remove_network(network["Id"])
        for volume in self._volumes(owner):
            self._api.remove_volume(volume, force=True)

    def _containers(self, owner: str) -> list[dict[str, str]]:
        return list(self._api.containers(all=True, filters=_of(owner)))

    def _volumes(self, owner: str) -> list[str]:
        return [volume["Name"] for volume in self._api.volumes(filters=_of(owner))["Volumes"] or ()]


def _of(owner: str) -> dict[str, str]:
    return {"label": f"{OWNER}={owner}"}


@dataclass(frozen=True)
class Bystanders:
    """What is nobody's business when a victim dies: a neighbour's live run and a kept cluster."""

    engine: Engine
    state: Path
    owners: tuple[str, str]

    def seen(self) -> list[str]:
        """All they have, with the states of their containers."""
        return [thing for owner in self.owners for thing in self.engine.owned(owner)]

    def files(self) -> set[str]:
        """What is in the state directory that all runs of this module share."""
        return state_files(self.state)


def processes(mark: str) -> list[Process]:
    """Every process that inherited the mark and has not ended."""
    return sorted(_marked(f"{MARK}={mark}".encode()))


def _marked(entry: bytes) -> Iterator[Process]:
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if entry not in (directory / "environ").read_bytes().split(b"\0"):
                continue
            command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # The program's name, in parentheses, may hold blanks.
            parent = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
        except OSError:  # it ended meanwhile, or belongs to another user
            continue
        yield Process(int(directory.name), int(parent), command)


def state_files(state: Path) -> set[str]:
    """What speaks of a run or a cluster in a state directory; what lies above is for the whole machine."""
    return {str(path.relative_to(state)) for path in state.glob("*/*")}


def until_nothing(look: Callable[[], list[str]], what: str, within: float) -> float:
    """Return the seconds until ``look`` finds nothing; raises ``DeadlineExceeded`` with what is there."""
    begun = time.monotonic()
    while seen := look():
        if time.monotonic() - begun > within:
            raise DeadlineExceeded(what, within, "; ".join(seen))
        time.sleep(0.05)
    return time.monotonic() - begun

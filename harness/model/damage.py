"""What can be done to a node's disk, files, system calls and share of the machine, each an ability.

A cluster has them or has not (``isinstance``); ``model.cluster`` says what every cluster can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class HasDisks(Protocol):
    """A cluster whose nodes have disks of their own (``storage="image"``); the controls raise without."""

    def disk_folder(self, node: str) -> Path:
        """Where this machine sees the data of ``node``, whether it runs or not."""
        ...

    def write_back(self, node: str) -> None:
        """Have the kernel write to the disk of ``node`` all it holds, as it does within half a minute."""
        ...

    def lose_power(self, node: str) -> None:
        """Take the power from ``node``: it is killed, and what nobody had synced is gone from its disk."""
        ...

    def power_lost(self, node: str) -> str:
        """The evidence that unsynced data is gone and synced data is not; empty if there is none."""
        ...

    def fill_disk(self, node: str) -> None: ...
    def free_disk(self, node: str) -> None: ...
    def write_refused(self, node: str) -> str:
        """What a write beside the data of ``node`` is refused with; empty if it succeeds."""
        ...


@runtime_checkable
class CanTamperWithCalls(Protocol):
    """A cluster that can change how the system calls of a node end."""

    def tamper(self, node: str, calls: Sequence[str], effect: str) -> None:
        """Give ``calls`` of ``node`` an ``effect`` in strace's words, such as ``error=EIO``."""
        ...

    def tampered(self, node: str) -> int:
        """How many calls were hit so far, by the count of who does it."""
        ...

    def let_be(self, node: str) -> None:
        """Leave the node's calls alone again; nothing happens where they are."""
        ...


@runtime_checkable
class CanCorruptFiles(Protocol):
    """A cluster whose nodes' files can be read and replaced; paths are relative to a node's data."""

    def files(self, node: str, pattern: str) -> Sequence[str]:
        """The files of ``node`` whose path matches a pattern of the shell, sorted."""
        ...

    def read_file(self, node: str, path: str) -> bytes: ...
    def write_file(self, node: str, path: str, content: bytes) -> None: ...


class Share(NamedTuple):
    """A node's share of the machine: processors (0: all) and bytes of memory (0: all)."""

    processors: float = 0.0
    memory: int = 0


class Strain(NamedTuple):
    """How a share tells: periods in which the node was throttled, and the memory it may have."""

    throttled: int
    memory: int


@runtime_checkable
class CanTighten(Protocol):
    """A cluster whose nodes can be given less of the machine while they run."""

    def share(self, node: str) -> Share: ...
    def set_share(self, node: str, share: Share) -> None: ...
    def strain(self, node: str) -> Strain:
        """What the kernel counts for the node's group of processes."""
        ...

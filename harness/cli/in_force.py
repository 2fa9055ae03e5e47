"""The faults injected by hand, which outlive the command that injected them.

They are in the state directory, ``clusters/<id>.faults`` beside the cluster's description, so that
the next command can tell and heal them, and they go with the cluster::

    {"format_version":1,"has_destination":true,"faults":[{"id":"9f2c","fault":"pause",
     "text":"pause(leader)","params":{"target":"leader"},"destination":"by-hand","time":1795780000.0,
     "injected":true,"nodes":["n2"],"leaders":["n2"],"evidence":"n2 did not answer a protocol request"}]}
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from harness.model.errors import DeadlineExceeded, HarnessError

FORMAT_VERSION = 1
LOCK_WITHIN = 10.0
"""Seconds to wait for another command that reads or writes the same file."""


class InForce(msgspec.Struct, frozen=True):
    """A fault that was injected and is not healed yet.

    It is written down before it is injected: ``injected`` false says that its command ended, or failed, in
    between. ``time`` is unix seconds; ``evidence`` is empty while it was not seen to bite.
    """

    id: str
    fault: str
    text: str
    params: dict[str, Any]
    destination: str
    time: float
    injected: bool = False
    nodes: tuple[str, ...] = ()
    leaders: tuple[str, ...] = ()
    evidence: str = ""

    @property
    def told(self) -> str:
        """What is known of it, for people."""
        if not self.injected:
            return "its injection did not end"
        return self.evidence or f"hit {', '.join(self.nodes) or 'no node'}, was not seen to bite"

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


class _File(msgspec.Struct):
    format_version: int = FORMAT_VERSION
    has_destination: bool = False
    faults: list[InForce] = []


def faults_in_force(cluster_id: str) -> list[InForce]:
    """Return the faults of a cluster that are not healed, the oldest first.

    Raises ``HarnessError`` for a file that a newer harness wrote.
    """
    return _read(_path(cluster_id)).faults


def note(cluster_id: str, fault: InForce) -> InForce:
    """Write down a fault, in place of what was written of it before."""
    with _changing(cluster_id) as file:
        known = {each.id: each for each in file.faults}
        file.faults = list({**known, fault.id: fault}.values())
    return fault


def strike_out(cluster_id: str, fault_id: str) -> None:
    """Forget a fault that is healed; harmless twice."""
    with _changing(cluster_id) as file:
        file.faults = [each for each in file.faults if each.id != fault_id]


def has_destination(cluster_id: str) -> bool:
    """Whether the destination that roles refer to is known to be there."""
    return _read(_path(cluster_id)).has_destination


def note_destination(cluster_id: str) -> None:
    """Write down that it is there."""
    with _changing(cluster_id) as file:
        file.has_destination = True


def _path(cluster_id: str) -> Path:
    from harness.engine.description import description_path  # noqa: PLC0415 - pays for what it uses only

    return description_path(cluster_id).with_suffix(".faults")


def _read(path: Path) -> _File:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return _File()
    version = msgspec.json.decode(raw).get("format_version")
    if version != FORMAT_VERSION:
        raise HarnessError(f"{path} has format {version}, this harness reads {FORMAT_VERSION}: upgrade it")
    return msgspec.json.decode(raw, type=_File)


@contextmanager
def _changing(cluster_id: str) -> Iterator[_File]:
    """Hand out what is written, and write what became of it; no two commands at a time."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - pays for what it uses only

    path = _path(cluster_id)
    lock = FileLock(path.with_suffix(".faults-lock"))
    try:
        lock.acquire(timeout=LOCK_WITHIN)
    except Timeout:
        raise DeadlineExceeded(f"lock of {path}", LOCK_WITHIN, "another command holds it") from None
    try:
        file = _read(path)
        yield file
        partial = path.with_suffix(".faults-partial")
        partial.write_bytes(msgspec.json.encode(file))
        partial.replace(path)
    finally:
        lock.release()

"""Removing what is left of runs that are over: containers, networks, volumes, state files.

What counts is the label ``broker-harness.owner``. Its things go when the owner is

- a run that has ended: its lock file is here and nobody holds it;
- a run this state directory never heard of (another user's, or one under another
  ``BROKER_HARNESS_STATE``), and nothing of it is younger than ``FOREIGN_SECONDS``: whether it is
  alive cannot be seen from here, and taking a neighbour's clusters is worse than a late sweep;
- ``kept-<name>``, and the latest ``broker-harness.expires`` of its things has passed.

A live run and an unexpired kept cluster are never touched. Everything here may run in several
processes at once: what is already gone, or is being removed by another, is as good as removed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from harness.engine import disk, ownership, reservations
from harness.engine.statedir import state_directory
from harness.model.errors import BadOption, DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

FOREIGN_SECONDS = 24 * 3600.0
"""The age at which what an unknown run owns is taken to be left over: no run is that long."""

_DEADLINE = 30.0
_ROUND_SECONDS = 0.1
_THREADS = 8


class Kind(IntEnum):
    """What can be left over, in the order of removal: a network in use cannot go, nor a volume."""

    CONTAINER = 1
    NETWORK = 2
    VOLUME = 3


class Thing(NamedTuple):
    """One labelled thing of the engine; ``created`` and ``expires`` are unix seconds."""

    kind: Kind
    id: str
    name: str
    owner: str
    cluster: str
    created: float
    expires: float | None = None
    paused: bool = False

    def __str__(self) -> str:
        return f"{self.kind.name.lower()} {self.name}"


class _Description(msgspec.Struct):
    """All that a sweep reads of a cluster's description, whatever its format."""

    owner: str


class Remover(Protocol):
    """The little of an engine that a sweep needs; both raise what the engine's client raises."""

    def find(self, owner: str | None = None, cluster: str | None = None) -> list[Thing]:
        """All that carries our owner label; only the owner's or the cluster's, if one is given."""
        ...

    def remove(self, thing: Thing) -> None:
        """Remove it, running or paused; no error if it is gone or going."""
        ...

    def unpause(self, thing: Thing) -> None:
        """Let a paused container run; no error if it is gone or not paused."""
        ...


def sweep(say: Callable[[str], None], remover: Remover | None = None) -> int:
    """Remove what no live run and no unexpired kept cluster owns.

    ``say`` is told one line for each owner whose things go, and one for whatever could not be
    removed: a sweep before a run is no reason for the run to fail. Returns how many things went.

    Raises ``EngineUnavailable`` if no engine answers.
    """
    engine = remover or _engine()
    owned = by_owner(engine.find())
    removed = 0
    for owner, things in owned.items():
        if reason := why_abandoned(owner, things, now=time.time()):
            say(f"sweeping {len(things)} left over from {owner} ({reason})")
            try:
                removed += remove_owner(owner, engine)
            except DeadlineExceeded as problem:
                say(f"left behind: {problem}")
    remove_stale_files(engine)
    return removed


def by_owner(things: Iterable[Thing]) -> dict[str, list[Thing]]:
    """Group things by their owner."""
    owned: defaultdict[str, list[Thing]] = defaultdict(list)
    for thing in things:
        owned[thing.owner].append(thing)
    return dict(owned)


def why_abandoned(owner: str, things: Sequence[Thing], now: float) -> str:
    """Why an owner's things may go, empty if they may not; ``now`` is in unix seconds."""
    if owner.startswith(ownership.KEPT):
        expiries = [thing.expires for thing in things if thing.expires is not None]
        return f"expired {now - max(expiries):.0f} s ago" if expiries and max(expiries) < now else ""
    try:
        if ownership.is_alive(owner):
            return ""
        if ownership.is_known(owner):
            return "its run has ended"
    except BadOption:  # a label that no run of ours wrote
        pass
    age = now - max(thing.created for thing in things)
    return f"unknown here, {age / 3600:.0f} h old" if age > FOREIGN_SECONDS else ""


def remove_owner(owner: str, remover: Remover | None = None) -> int:
    """Remove everything one owner has, alive or not; returns how many things went.

    Raises ``DeadlineExceeded`` naming what is still there after 30 s.
    """
    engine = remover or _engine()
    clusters = {thing.cluster for thing in engine.find(owner=owner)}
    count = _until_none(engine, lambda: engine.find(owner=owner), f"removing what {owner} owns")
    for cluster in clusters - {""}:
        disk.remove_disks(cluster)
    return count


def remove_cluster(cluster_id: str, remover: Remover | None = None) -> int:
    """Remove everything of one cluster, whoever owns it; returns how many things went.

    Raises ``DeadlineExceeded`` naming what is still there after 30 s.
    """
    engine = remover or _engine()
    count = _until_none(engine, lambda: engine.find(cluster=cluster_id), f"removing cluster {cluster_id}")
    forget_cluster(cluster_id)
    return count


def forget_cluster(cluster_id: str) -> None:
    """Remove the state files and the disks of a cluster that is gone."""
    disk.remove_disks(cluster_id)
    for path in _clusters_directory().glob(f"{cluster_id}.*"):
        path.unlink(missing_ok=True)


def remove_stale_files(remover: Remover | None = None) -> None:
    """Remove the state files of clusters that are gone and of runs that ended and own nothing.

    And the reservations of processes that have ended. Files are listed before the engine is asked:
    what starts meanwhile is in neither list.
    """
    engine = remover or _engine()
    reservations.forget_abandoned()
    clusters = {path.stem for path in _clusters_directory().glob("*.*") if path.suffix != reservations.SUFFIX}
    mounted = disk.clusters_with_disks()
    ended = [run_id for run_id in ownership.known_runs() if not ownership.is_alive(run_id)]
    things = engine.find()
    for cluster in (clusters | mounted) - {thing.cluster for thing in things}:
        if not _is_in_use(cluster):
            forget_cluster(cluster)
    for run_id in set(ended) - {thing.owner for thing in things}:
        ownership.forget(run_id)


def remove_things(engine: Remover, things: Iterable[Thing]) -> Mapping[Thing, Exception]:
    """Remove things, those of a kind side by side; returns the error of each that could not go."""
    failures: dict[Thing, Exception] = {}

    def remove(thing: Thing) -> None:
        try:
            engine.remove(thing)
        except Exception as error:  # noqa: BLE001 - told to the caller, who tries again until a deadline
            failures[thing] = error

    remaining = list(things)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="sweep") as pool:
        for kind in Kind:
            list(pool.map(remove, [thing for thing in remaining if thing.kind is kind]))
    return failures


def _until_none(engine: Remover, find: Callable[[], list[Thing]], doing: str) -> int:
    deadline = time.monotonic() + _DEADLINE
    seen: set[str] = set()
    while things := find():
        seen.update(thing.id for thing in things)
        failures = remove_things(engine, things)
        if time.monotonic() > deadline:
            raise DeadlineExceeded(doing, _DEADLINE, _describe(find(), failures))
        if failures:
            # What another process is removing is still listed; asking again at once only adds load.
            time.sleep(_ROUND_SECONDS)
    return len(seen)


def _describe(things: Sequence[Thing], failures: Mapping[Thing, Exception]) -> str:
    reasons = {thing.id: error for thing, error in failures.items()}
    return "; ".join(f"{thing}: {reasons.get(thing.id, 'no error')}" for thing in things) or "nothing"


def _clusters_directory() -> Path:
    return state_directory() / "clusters"


def _is_in_use(cluster: str) -> bool:
    """Whether somebody boots or uses the cluster, though nothing of it is on the engine."""
    if ownership.is_locked(_clusters_directory() / f"{cluster}.lease"):
        return True
    description = _clusters_directory() / f"{cluster}.json"
    try:
        owner = msgspec.json.decode(description.read_bytes(), type=_Description).owner
        return not owner.startswith(ownership.KEPT) and ownership.is_alive(owner)
    except (OSError, msgspec.MsgspecError, BadOption):
        return False


def _engine() -> Remover:
    from harness.engine.removal import EngineRemover  # noqa: PLC0415 - imports the engine's client

    return EngineRemover()

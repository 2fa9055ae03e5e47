"""The machine-wide pool of clusters: a case leases one of its spec, for itself alone.

Everything is files in the state directory, because workers are processes that come and go:

- ``clusters/<id>.json`` describes a cluster (``engine.description``);
- ``clusters/<id>.lease`` is locked by who uses it; the kernel lets go when that process dies;
- ``clusters/<id>.dirty`` is there while it is leased: a cluster whose user died is not reused;
- ``clusters/*.reserved`` speaks for the memory of a cluster that boots (``engine.reservations``);
- ``boot-<n>.lock``, one a core: so many clusters boot at a time.

The pool holds as many clusters as memory and cores bear; for one more it evicts the idle one that was used
least recently. Only clusters of the same owner are leased or evicted: a neighbour's are not ours.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from filelock import FileLock, Timeout

from harness.backends.contract import Backend
from harness.engine import images
from harness.engine.blueprint import Blueprint
from harness.engine.cluster import ContainerCluster
from harness.engine.description import ClusterDescription, described, description_path
from harness.engine.free_space import engine_place, refuse_full_disk
from harness.engine.janitor import Janitor
from harness.engine.memory import available_megabytes
from harness.engine.reservations import reserve, reserved_megabytes
from harness.engine.statedir import state_directory
from harness.engine.sweep import remove_cluster
from harness.model.cluster import Cluster, ClusterSpec
from harness.model.errors import DeadlineExceeded, HarnessError
from harness.scenario.readiness import wait_until_ready

READY_WITHIN = 90.0
HEALTHY_WITHIN = 30.0
RESERVE = 1500
"""Megabytes the pool leaves free: for the clients, the tests, and the machine's owner."""

CLUSTERS_PER_CORE = 4
"""Idle brokers are not idle: three Kafka nodes that nobody uses take a quarter of a core."""


@runtime_checkable
class RunsInContainers(Protocol):
    """A backend whose clusters can be described by a file and attached to by any process."""

    @property
    def blueprint(self) -> Blueprint: ...


@dataclass(frozen=True, slots=True)
class Lease:
    """A cluster in use by one case; ``booted`` is the seconds its start took, 0 when it was reused."""

    cluster: Cluster
    lock: FileLock | None
    booted: float


class Pool:
    """Leases clusters to the cases of one owner; ``say`` is told what takes long."""

    def __init__(self, owner: str, janitor: Janitor | None, say: Callable[[str], None]) -> None:
        self._owner = owner
        self._janitor = janitor
        self._say = say

    def lease(self, backend: Backend, spec: ClusterSpec, within: float = 600.0) -> Lease:
        """A healthy cluster of ``spec``, reused, else booted as soon as there is room for it.

        Raises ``DeadlineExceeded`` when there was no room within ``within`` seconds, and what
        booting raises.
        """
        if not isinstance(backend, RunsInContainers):
            cluster = backend.start(spec, self._owner, "")
            wait_until_ready(backend, cluster, READY_WITHIN)
            return Lease(cluster, None, 0.0)
        images.ensure_all(images.needed([(spec.backend, spec.version)]), self._say)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if lease := self._reuse(spec):
                return lease
            if reservation := self._reserve(spec, backend.blueprint.megabytes * spec.nodes):
                return self._boot(backend, spec, reservation)
            time.sleep(0.2)
        raise DeadlineExceeded(
            f"room for {spec}", within, f"{available_megabytes()} MB free, all clusters in use"
        )

    def release(self, backend: Backend, lease: Lease, *, reusable: bool) -> None:
        """Heal the cluster and hand it back when it is seen healthy; otherwise take it away."""
        cluster = lease.cluster
        try:
            if reusable and isinstance(cluster, ContainerCluster):
                cluster.heal()
                wait_until_ready(backend, cluster, HEALTHY_WITHIN)
                _dirty(cluster.id).unlink(missing_ok=True)
                os.utime(description_path(cluster.id))
            else:
                cluster.remove()
        except (HarnessError, OSError) as error:
            self._say(f"{cluster.spec} did not heal and is replaced: {error}")
            cluster.remove()
        finally:
            if isinstance(cluster, ContainerCluster) and lease.lock is not None:
                self._let_go(cluster.id, lease.lock)

    def _let_go(self, cluster_id: str, lock: FileLock) -> None:
        # The janitor first: whoever takes the lock next must not lose the cluster to our death.
        if self._janitor is not None:
            self._janitor.release(cluster_id)
        lock.release()

    def _reuse(self, spec: ClusterSpec) -> Lease | None:
        for description in self._ours():
            if description.spec == spec and (lock := _try_lock(_lease_path(description.id))):
                if _is_clean(description.id):
                    self._mark(description.id)
                    return Lease(ContainerCluster(description), lock, 0.0)
                ContainerCluster(description).remove()
                lock.release()
        return None

    def _reserve(self, spec: ClusterSpec, megabytes: int) -> Path | None:
        """Speak for memory; evicts idle clusters until there is enough, ``None`` when there is not."""
        with FileLock(state_directory() / "pool.lock"):
            while len(list(self._ours())) >= CLUSTERS_PER_CORE * (os.cpu_count() or 1):
                if not self._evict():
                    break  # all in use: there are only as many as there are workers
            while available_megabytes() - reserved_megabytes() < megabytes + RESERVE:
                if not self._evict():
                    return None
            return reserve(megabytes, spec)

    def _evict(self) -> bool:
        for description in sorted(self._ours(), key=lambda d: _last_used(d.id)):
            if lock := _try_lock(_lease_path(description.id)):
                ContainerCluster(description).remove()
                lock.release()
                return True
        return False

    def _boot(self, backend: Backend, spec: ClusterSpec, reservation: Path) -> Lease:
        cluster_id = secrets.token_hex(4)
        with ExitStack() as stack:
            stack.callback(reservation.unlink, missing_ok=True)
            stack.enter_context(_boot_slot())
            started = time.monotonic()
            refuse_full_disk(engine_place())
            # Leased before anything of it exists: whoever dies while it boots leaves nothing behind.
            lock = self._take(cluster_id)
            try:
                cluster = backend.start(spec, self._owner, cluster_id)
                wait_until_ready(backend, cluster, READY_WITHIN)
            except BaseException:
                remove_cluster(cluster_id)
                self._let_go(cluster_id, lock)
                raise
            return Lease(cluster, lock, time.monotonic() - started)

    def _take(self, cluster_id: str) -> FileLock:
        lock = FileLock(_lease_path(cluster_id), thread_local=False)
        lock.acquire()
        self._mark(cluster_id)
        return lock

    def _mark(self, cluster_id: str) -> None:
        _dirty(cluster_id).touch()
        if self._janitor is not None:
            self._janitor.lease(cluster_id)

    def _ours(self) -> Iterator[ClusterDescription]:
        return described(self._owner)


def _clusters() -> Path:
    path = state_directory() / "clusters"
    path.mkdir(exist_ok=True)
    return path


def _lease_path(cluster_id: str) -> Path:
    return _clusters() / f"{cluster_id}.lease"


def _dirty(cluster_id: str) -> Path:
    return _clusters() / f"{cluster_id}.dirty"


def _is_clean(cluster_id: str) -> bool:
    return description_path(cluster_id).exists() and not _dirty(cluster_id).exists()


def _last_used(cluster_id: str) -> float:
    try:
        return description_path(cluster_id).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _try_lock(path: Path) -> FileLock | None:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


@contextmanager
def _boot_slot() -> Iterator[None]:
    slots = [FileLock(state_directory() / f"boot-{i}.lock") for i in range(os.cpu_count() or 1)]
    while True:
        for slot in slots:
            try:
                slot.acquire(blocking=False)
            except Timeout:
                continue
            try:
                yield
            finally:
                slot.release()
            return
        time.sleep(0.05)

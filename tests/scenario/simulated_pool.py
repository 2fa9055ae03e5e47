"""A pool whose clusters are files: nothing runs, and every process sees the same machine.

Run as a script it is one worker of several: it leases, holds and releases, and writes a line when
it enters and leaves a cluster, so that two in one cluster at a time would be seen.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock

from harness.backends.contract import Backend
from harness.engine import images
from harness.engine.cluster import ContainerCluster
from harness.engine.description import FORMAT_VERSION, ClusterDescription, NodeDescription, save
from harness.engine.statedir import state_directory
from harness.engine.sweep import forget_cluster
from harness.model.cluster import ClusterSpec
from harness.scenario import pool
from harness.scenario.pool import Lease, Pool

OWNER = "run-1"
MEGABYTES = 1000
"""What one simulated node takes."""
SPEC = ClusterSpec("simulated", "1", 1, "r1")
OTHER = ClusterSpec("simulated", "2", 1, "r1")


def note(line: str) -> None:
    """Add a line to what happened, from whichever process."""
    descriptor = os.open(state_directory() / "happened", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def happened() -> list[str]:
    """Every line, in order."""
    path = state_directory() / "happened"
    return path.read_text().splitlines() if path.exists() else []


def room(clusters: int) -> None:
    """Let the machine have memory for so many clusters of one node."""
    (state_directory() / "megabytes").write_text(str(clusters * MEGABYTES + pool.RESERVE))


def free_megabytes() -> int:
    """What the clusters that exist leave of the machine's memory."""
    exist = list((state_directory() / "clusters").glob("*.json"))
    return int((state_directory() / "megabytes").read_text()) - MEGABYTES * len(exist)


class SimulatedCluster(ContainerCluster):
    """A cluster that is its description."""

    def heal(self) -> None:
        note(f"heal {self.id}")

    def remove(self) -> None:
        remove(self.id)

    def log(self, node: str, lines: int | None = None, since: float = 0.0) -> str:
        return f"{node} says so"


def remove(cluster_id: str) -> None:
    """Take a cluster away, as an engine does."""
    note(f"remove {cluster_id}")
    forget_cluster(cluster_id)


class _Observer:
    def __init__(self, lacking: str) -> None:
        self._lacking = lacking

    async def not_ready(self) -> str:
        return self._lacking

    async def close(self) -> None:
        return


@dataclass
class SimulatedBackend:
    """Starts clusters in no time; ``lacking`` is what its clusters are never without."""

    name: str = "simulated"
    megabytes: int = MEGABYTES
    lacking: str = ""
    fails: Exception | None = None
    booting: set[str] = field(default_factory=set)
    most_booting: int = 0
    hold_boot: threading.Event | None = None

    @property
    def blueprint(self) -> SimulatedBackend:
        """Only its memory is asked for."""
        return self

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> ContainerCluster:
        note(f"start {cluster_id} {spec}")
        self.booting.add(cluster_id)
        self.most_booting = max(self.most_booting, len(self.booting))
        if self.hold_boot is not None:
            self.hold_boot.wait(10.0)
        self.booting.discard(cluster_id)
        if self.fails is not None:
            raise self.fails
        save(_described(spec, owner, cluster_id))
        return SimulatedCluster(_described(spec, owner, cluster_id))

    def observer(self, cluster: object) -> _Observer:
        return _Observer(self.lacking)


def _described(spec: ClusterSpec, owner: str, cluster_id: str) -> ClusterDescription:
    return ClusterDescription(
        format_version=FORMAT_VERSION,
        id=cluster_id,
        owner=owner,
        spec=spec,
        network="",
        proxy="",
        api=("127.0.0.1", 1),
        image="",
        image_digest="",
        megabytes=MEGABYTES,
        nodes={"n1": NodeDescription("", "", "", "")},
        outside=(),
    )


class SimulatedJanitor:
    """Writes down what it is told."""

    def lease(self, cluster_id: str) -> None:
        note(f"janitor lease {cluster_id}")

    def release(self, cluster_id: str) -> None:
        note(f"janitor release {cluster_id}")


def simulated() -> ExitStack:
    """Have the pool know simulated clusters only, until the stack is closed."""
    stack = ExitStack()
    for name, stand_in in [
        ("ContainerCluster", SimulatedCluster),
        ("remove_cluster", remove),
        ("available_megabytes", free_megabytes),
        ("refuse_full_disk", lambda _: None),
        ("READY_WITHIN", 0.2),
        ("HEALTHY_WITHIN", 0.2),
    ]:
        stack.enter_context(mock.patch.object(pool, name, stand_in))
    stack.enter_context(mock.patch.object(images, "ensure_all"))
    stack.enter_context(mock.patch.object(images, "needed"))
    return stack


def clusters(owner: str = OWNER, *, janitor: SimulatedJanitor | None = None, said: Any = None) -> Pool:
    """A pool of one process; what it says goes to the list ``said``."""
    say = (lambda _: None) if said is None else said.append
    return Pool(owner, cast("Any", janitor), say)


def lease(pool_: Pool, spec: ClusterSpec = SPEC, within: float = 30.0, **options: Any) -> Lease:
    """Lease a simulated cluster, from a backend with these options."""
    return pool_.lease(cast("Backend", SimulatedBackend(**options)), spec, within)


def release(pool_: Pool, held: Lease, *, reusable: bool = True, **options: Any) -> None:
    """Hand it back."""
    pool_.release(cast("Backend", SimulatedBackend(**options)), held, reusable=reusable)


def id_of(held: Lease) -> str:
    """The cluster's id."""
    assert isinstance(held.cluster, ContainerCluster)
    return held.cluster.id


def _worker(times: int, *, hold: bool) -> None:
    mine = clusters()
    for number in range(times):
        held = lease(mine, SPEC if (os.getpid() + number) % 2 else OTHER)
        note(f"enter {id_of(held)} {held.cluster.spec.version} {os.getpid()}")
        time.sleep(3600.0 if hold else 0.005)
        note(f"leave {id_of(held)} {held.cluster.spec.version} {os.getpid()}")
        release(mine, held)


if __name__ == "__main__":
    with simulated():
        _worker(int(sys.argv[1]), hold=Path(sys.argv[-1]).name == "hold")

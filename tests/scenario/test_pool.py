"""The pool as one process uses it: what is reused, what is evicted, and that nothing is left half done."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from harness.backends.memory import BACKEND
from harness.engine import ownership
from harness.engine.description import described, description_path
from harness.engine.reservations import reserved_megabytes
from harness.engine.statedir import state_directory
from harness.model.cluster import ClusterSpec
from harness.model.errors import ClusterNotReady, DeadlineExceeded, HarnessError
from harness.scenario.pool import Lease, Pool
from tests.scenario.simulated_pool import (
    OTHER,
    OWNER,
    SPEC,
    SimulatedBackend,
    SimulatedJanitor,
    clusters,
    happened,
    id_of,
    lease,
    release,
    room,
    simulated,
)


@pytest.fixture(autouse=True)
def _machine(state: object) -> Iterator[None]:
    with simulated():
        room(3)
        yield


@pytest.fixture
def pool() -> Pool:
    """The pool of the run."""
    return clusters()


def in_use(cluster_id: str) -> bool:
    """Whether the kernel says that somebody holds the lease."""
    return ownership.is_locked(state_directory() / "clusters" / f"{cluster_id}.lease")


def left() -> set[str]:
    """The files that speak of clusters, by their kind."""
    return {path.suffix for path in (state_directory() / "clusters").iterdir()}


def aged(held: Lease, seconds: float) -> None:
    """Let a cluster have been used last so long ago."""
    then = time.time() - seconds
    os.utime(description_path(id_of(held)), (then, then))


def test_a_released_cluster_is_leased_again(pool: Pool) -> None:
    """It was healed first, and no boot is counted."""
    first = lease(pool)
    release(pool, first)
    second = lease(pool)
    assert id_of(second) == id_of(first)
    assert first.booted > 0.0 == second.booted
    assert happened() == [f"start {id_of(first)} {SPEC}", f"heal {id_of(first)}"]


def test_a_leased_cluster_is_nobody_elses(pool: Pool) -> None:
    """A second case of the same process gets a cluster of its own."""
    first, second = lease(pool), lease(clusters())
    assert id_of(first) != id_of(second)
    assert in_use(id_of(first))
    release(pool, first)
    assert not in_use(id_of(first))


def test_a_cluster_of_another_kind_is_not_reused(pool: Pool) -> None:
    """The spec has to be the same in all its parts."""
    release(pool, lease(pool))
    for spec in (OTHER, ClusterSpec("simulated", "1", 3, "r3"), ClusterSpec("simulated", "1", 1, "always")):
        room(10)
        assert lease(pool, spec).booted > 0.0


def test_a_neighbours_cluster_is_neither_leased_nor_evicted(pool: Pool) -> None:
    """However idle it is, and however short memory is."""
    theirs = lease(clusters("run-2"))
    release(clusters("run-2"), theirs)
    room(1)
    with pytest.raises(
        DeadlineExceeded, match=r"room for simulated@1-n1-r1: not within 0.3 s; last seen: \d+"
    ):
        lease(pool, within=0.3)
    assert [each.id for each in described("run-2")] == [id_of(theirs)]


def test_the_idle_cluster_used_least_recently_goes_first(pool: Pool) -> None:
    """For one of another kind, when memory bears no more."""
    held = [lease(pool) for _ in range(3)]
    for each, age in zip(held, (10.0, 30.0, 20.0), strict=True):
        release(pool, each)
        aged(each, age)
    lease(pool, OTHER)
    assert {each.id for each in described(OWNER)} >= {id_of(held[0]), id_of(held[2])}
    assert f"remove {id_of(held[1])}" in happened()


def test_using_a_cluster_makes_it_recent(pool: Pool) -> None:
    """The one that was leased and released last stays."""
    for held in [lease(pool), lease(pool)]:
        release(pool, held)
        aged(held, 60.0)
    again = lease(pool)
    release(pool, again)
    room(2)
    lease(pool, OTHER)
    assert [each.id for each in described(OWNER) if each.spec == SPEC] == [id_of(again)]


def test_no_leased_cluster_is_evicted(pool: Pool) -> None:
    """Where all are in use there is no room, until one is released."""
    room(1)
    held = lease(pool)
    with pytest.raises(DeadlineExceeded):
        lease(pool, OTHER, within=0.3)
    threading.Timer(0.3, lambda: release(pool, held)).start()
    assert lease(pool, OTHER).booted > 0.0
    assert f"remove {id_of(held)}" in happened()


def test_as_many_are_evicted_as_it_takes(pool: Pool) -> None:
    """A large cluster for several small ones."""
    for held in [lease(pool) for _ in range(3)]:
        release(pool, held)
    lease(pool, ClusterSpec("simulated", "1", 3, "r3"))
    assert len(list(described(OWNER))) == 1


def test_a_dirty_cluster_is_replaced(pool: Pool) -> None:
    """One whose user died with it is taken away: nobody knows what was done to it."""
    held = lease(pool)
    assert held.lock is not None
    held.lock.release()  # as the kernel does for a process that dies
    fresh = lease(pool)
    assert id_of(fresh) != id_of(held)
    assert f"remove {id_of(held)}" in happened()
    assert not in_use(id_of(held))


@pytest.mark.parametrize("why", ["not reusable", "not healthy", "not healed"])
def test_a_spoiled_cluster_is_taken_away(pool: Pool, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """After a fault that could not be undone, or when it does not become whole."""
    said: list[str] = []
    pool = clusters(said=said)
    held = lease(pool)

    def fail() -> None:
        raise OSError("the engine is gone")

    if why == "not healed":
        monkeypatch.setattr(held.cluster, "heal", fail)
    lacking = "n1 does not answer" if why == "not healthy" else ""
    release(pool, held, reusable=why != "not reusable", lacking=lacking)
    assert list(described(OWNER)) == []
    assert left() == set()
    assert len(said) == (why != "not reusable")
    assert all("did not heal and is replaced" in line for line in said)


def test_a_boot_that_fails_leaves_nothing(pool: Pool) -> None:
    """Its error gets out; neither the lease nor the memory stays taken."""
    with pytest.raises(OSError, match="no such image"):
        lease(pool, fails=OSError("no such image"))
    assert left() == set()
    assert reserved_megabytes() == 0


def test_a_cluster_that_does_not_become_ready_says_why(pool: Pool) -> None:
    """What is lacking, and the last lines of its nodes' logs; and it is taken away."""
    with pytest.raises(ClusterNotReady, match="n1 does not answer") as raised:
        lease(pool, lacking="n1 does not answer")
    assert "n1 says so" in str(raised.value)
    assert left() == set()


def test_memory_is_spoken_for_while_a_cluster_boots(pool: Pool) -> None:
    """Two cases that find room for one do not both take it."""
    room(1)
    boot = threading.Event()
    backend = SimulatedBackend(hold_boot=boot)
    booted: list[Lease] = []
    first = threading.Thread(target=lambda: booted.append(pool.lease(cast("Any", backend), SPEC)))
    first.start()
    until(lambda: backend.booting)
    with pytest.raises(DeadlineExceeded):
        lease(clusters(), OTHER, within=0.3)
    boot.set()
    first.join()
    assert booted
    assert reserved_megabytes() == 0


def test_no_more_boot_at_a_time_than_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others wait for their turn, and get it."""
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    boot = threading.Event()
    backend = SimulatedBackend(hold_boot=boot)

    def boot_one() -> None:
        clusters().lease(cast("Any", backend), SPEC)

    threads = [threading.Thread(target=boot_one) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: backend.booting and reserved_megabytes() == 3000)
    boot.set()
    for thread in threads:
        thread.join()
    assert backend.most_booting == 1
    assert len(list(described(OWNER))) == 3


def until(condition: Any) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.002)


def test_the_janitor_hears_of_a_cluster_before_there_is_one() -> None:
    """Whoever dies while it boots leaves nothing; and it is told when the cluster is handed back."""
    pool = clusters(janitor=SimulatedJanitor())
    held = lease(pool)
    release(pool, held)
    again = lease(pool)
    assert [line.replace(id_of(held), "C") for line in happened()] == [
        "janitor lease C",
        f"start C {SPEC}",
        "heal C",
        "janitor release C",
        "janitor lease C",
    ]
    assert id_of(again) == id_of(held)


def test_a_backend_of_this_process_needs_no_pool(pool: Pool) -> None:
    """It gets a cluster for the case alone, which is taken away afterwards."""
    spec = ClusterSpec("memory", "1", 3, "r3")
    held = pool.lease(BACKEND, spec)
    assert held.lock is None
    pool.release(BACKEND, held, reusable=True)
    assert not any(held.cluster.state(node).running for node in held.cluster.nodes)
    assert not (state_directory() / "clusters").exists() or left() == set()


def test_an_engine_that_cannot_even_remove_is_told_of(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error gets out, and the lease does not stay taken."""
    held = lease(pool)

    def fail() -> None:
        raise DeadlineExceeded("removing it", 30.0, "it is still there")

    monkeypatch.setattr(held.cluster, "remove", fail)
    with pytest.raises(HarnessError, match="still there"):
        release(pool, held, reusable=False)
    assert not in_use(id_of(held))

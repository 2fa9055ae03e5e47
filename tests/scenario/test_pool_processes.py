"""The pool as several processes use it at once, some of which die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import harness
from harness.engine import ownership
from harness.engine.description import described
from harness.engine.statedir import state_directory
from harness.model.errors import DeadlineExceeded
from tests.scenario import simulated_pool
from tests.scenario.simulated_pool import OWNER, SPEC, clusters, happened, id_of, lease, room, simulated

SCRIPT = Path(simulated_pool.__file__)
HARNESS = Path(harness.__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _machine(state: object) -> Iterator[None]:
    with simulated():
        room(2)
        yield


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a worker that leases so many times; it is ended with the test."""
    with ExitStack() as stack:

        def begin(*arguments: object) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-P", str(SCRIPT), *map(str, arguments)]
            worker = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(HARNESS)})
            stack.callback(worker.wait)
            stack.callback(worker.kill)
            return worker

        yield begin


def until(condition: Callable[[], object]) -> None:
    """Wait for another process."""
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, happened()
        time.sleep(0.005)


def entered() -> list[str]:
    """The ids of the clusters that were entered."""
    return [line.split()[1] for line in happened() if line.startswith("enter")]


def test_no_two_processes_are_ever_in_one_cluster(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """Of three with room for two clusters, of two kinds, each gets all its leases."""
    workers = [start(5) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0] * 3
    inside: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for line in happened():
        match line.split():
            case ["enter", cluster, version, process]:
                assert inside.setdefault(cluster, process) == process, line
                assert kinds.setdefault(cluster, version) == version, line
                assert len(inside) <= 2
            case ["leave", cluster, _, process]:
                assert inside.pop(cluster) == process
            case ["remove", cluster]:
                assert cluster not in inside, line
    assert len(entered()) == 15
    assert inside == {}
    remaining = {each.id for each in described(OWNER)}
    assert 1 <= len(remaining) <= 2
    assert {path.stem for path in (state_directory() / "clusters").glob("*.dirty")} == set()


def test_a_killed_workers_cluster_is_not_reused(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The kernel lets go of its lease, and the next one to come takes the cluster away."""
    worker = start(1, "hold")
    until(entered)
    [held] = entered()
    assert ownership.is_locked(state_directory() / "clusters" / f"{held}.lease")
    worker.kill()
    worker.wait()
    [spec] = [each.spec for each in described(OWNER)]
    fresh = lease(clusters(), spec)
    assert id_of(fresh) != held
    assert f"remove {held}" in happened()


def test_a_held_cluster_is_waited_for(start: Callable[..., subprocess.Popen[bytes]]) -> None:
    """With room for no other, until its holder is gone."""
    room(1)
    worker = start(1, "hold")
    until(entered)
    worker.send_signal(signal.SIGSTOP)  # a frozen holder is a holder
    with pytest.raises(DeadlineExceeded):
        lease(clusters(), SPEC, within=0.3)
    worker.kill()
    worker.wait()
    assert lease(clusters(), SPEC).booted > 0.0


def test_a_dead_process_speaks_for_no_memory() -> None:
    """What it had reserved for a cluster that never came is free again."""
    room(1)
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    directory = state_directory() / "clusters"
    directory.mkdir()
    (directory / "abc.reserved").write_text(f"1000 {gone.pid} 1 simulated")
    assert lease(clusters(), SPEC).booted > 0.0

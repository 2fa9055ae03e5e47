"""Whoever dies, what it held is cleaned up; whoever says goodbye keeps it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.engine import janitor, janitor_process, ownership, processes
from harness.engine.janitor import Janitor
from harness.engine.janitor_process import Watch
from harness.engine.sweep import Kind, Thing
from harness.model.errors import HarnessError

RUN = "r1"


class Engine:
    """An engine that is a list, on which a create request may still be under way."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.under_way: list[Thing] = []
        self.unpaused: list[str] = []
        self.failing = 0

    def have(self, cluster: str, owner: str = RUN, *, paused: bool = False) -> None:
        self.things.append(Thing(Kind.CONTAINER, cluster, cluster, owner, cluster, 0.0, None, paused))

    def find(self, owner: str | None = None, cluster: str | None = None) -> list[Thing]:
        if self.failing:
            self.failing -= 1
            raise OSError("the engine is being restarted")
        found = [
            thing
            for thing in self.things
            if owner in {None, thing.owner} and cluster in {None, thing.cluster}
        ]
        if not found:
            self.things += self.under_way
            self.under_way = []
        return found

    def remove(self, thing: Thing) -> None:
        self.things.remove(thing)

    def unpause(self, thing: Thing) -> None:
        self.unpaused.append(thing.id)

    @property
    def clusters(self) -> list[str]:
        return [thing.cluster for thing in self.things]


class Running:
    """A janitor in a thread of this process, and the controller's end of its connection."""

    def __init__(self, engine: Engine) -> None:
        ours, theirs = socket.socketpair()
        self.controller = Janitor(ours)
        with janitor._listening(RUN) as listener:
            self._listener = listener.dup()
        self.watch = Watch(RUN, theirs, self._listener, lambda: engine)
        self.thread = threading.Thread(target=self.watch.serve)
        self.thread.start()
        assert ours.recv(100) == janitor.READY

    def ended(self) -> None:
        self.thread.join(timeout=10)
        assert not self.thread.is_alive()

    def close(self) -> None:
        try:
            self.controller.stop()
            self.ended()
        finally:
            self._listener.close()


@pytest.fixture
def engine() -> Engine:
    """An engine with the clusters ``c1`` and ``c2`` of the run, and a neighbour's."""
    engine = Engine()
    engine.have("c1")
    engine.have("c2")
    engine.have("other", owner="neighbour")
    return engine


@pytest.fixture
def running(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """A janitor that watches over the run, and hardly waits between two looks."""
    monkeypatch.setattr(janitor_process, "_SETTLE_SECONDS", 0.01)
    running = Running(engine)
    yield running
    running.close()


def die(who: Janitor) -> None:
    """Do to the connection what the kernel does when its process is killed."""
    who._close()


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come true"
        time.sleep(0.002)


def test_a_dead_workers_leased_cluster_is_removed(running: Running, engine: Engine) -> None:
    """Its neighbours, in this run and in others, stay."""
    worker = Janitor.connect(RUN)
    worker.lease("c1")
    die(worker)
    eventually(lambda: engine.clusters == ["c2", "other"])
    assert running.thread.is_alive()


def test_a_released_cluster_survives_its_last_worker(running: Running, engine: Engine) -> None:
    """It is back in the pool, and only the dead worker's other one goes."""
    worker = Janitor.connect(RUN)
    worker.lease("c1")
    worker.lease("c2")
    worker.release("c1")
    die(worker)
    eventually(lambda: engine.clusters == ["c1", "other"])


def test_a_worker_that_says_goodbye_keeps_its_clusters(running: Running, engine: Engine) -> None:
    """Only what comes after it, the next worker's death, has an effect."""
    first, second = Janitor.connect(RUN), Janitor.connect(RUN)
    first.lease("c1")
    first.stop()
    second.lease("c2")
    die(second)
    eventually(lambda: engine.clusters == ["c1", "other"])


def test_a_borrowed_cluster_is_unpaused_but_kept(running: Running, engine: Engine) -> None:
    """Somebody keeps it on purpose, but not frozen."""
    engine.have("mine", owner="kept-mine", paused=True)
    worker = Janitor.connect(RUN)
    worker.borrow("mine")
    die(worker)
    eventually(lambda: engine.unpaused == ["mine"])
    assert "mine" in engine.clusters


def test_what_was_being_created_at_a_death_is_removed_too(running: Running, engine: Engine) -> None:
    """One empty look proves nothing: a request under way shows later."""
    engine.under_way = [engine.things.pop(0)]
    worker = Janitor.connect(RUN)
    worker.lease("c1")
    die(worker)
    eventually(lambda: not engine.under_way and engine.clusters == ["c2", "other"])


def test_when_the_controller_dies_all_of_its_run_goes(running: Running, engine: Engine) -> None:
    """The janitor ends when nothing is left, and the run's files go with it."""
    ownership.hold(RUN).release()
    engine.failing = 1
    die(running.controller)
    running.ended()
    assert engine.clusters == ["other"]
    assert not ownership.is_known(RUN)


def test_of_what_is_kept_only_what_was_in_use_dies_with_the_controller(
    running: Running, engine: Engine
) -> None:
    """A kept cluster that a case held has faults in it, and nobody knows which."""
    engine.have("idle", owner="kept-r1")
    engine.have("held", owner="kept-r1", paused=True)
    running.controller.lease("idle")
    running.controller.lease("held")
    running.controller.release("idle")
    die(running.controller)
    running.ended()
    assert engine.clusters == ["other", "idle"]


def test_when_the_controller_says_goodbye_nothing_is_touched(running: Running, engine: Engine) -> None:
    """A run that ends in order has cleaned up itself, and kept what it kept."""
    running.controller.stop()
    running.ended()
    assert engine.clusters == ["c1", "c2", "other"]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_dead_workers_processes_are_ended(running: Running, sleeper: subprocess.Popen[bytes]) -> None:
    """A client that blocks for ever does not outlive the worker that started it."""
    worker = Janitor.connect(RUN)
    worker.register_process(sleeper.pid)
    die(worker)
    assert sleeper.wait(timeout=5) == -signal.SIGKILL


def test_workers_are_ended_when_the_controller_dies(
    running: Running, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else they would finish their test and create containers meanwhile."""
    monkeypatch.setattr("os.getpid", lambda: sleeper.pid)
    worker = Janitor.connect(RUN)
    eventually(lambda: any(peer.itself for peer in running.watch._peers))
    die(running.controller)
    assert sleeper.wait(timeout=5) == -signal.SIGKILL
    die(worker)


def test_who_came_just_before_the_controller_died_is_heard(
    engine: Engine, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that the janitor has not even welcomed is ended with the others; a later one is refused."""
    ours, theirs = socket.socketpair()
    monkeypatch.setattr("os.getpid", lambda: sleeper.pid)
    with ours, janitor._listening(RUN) as listener:
        worker = Janitor.connect(RUN)
        worker.lease("other")
        watch = Watch(RUN, theirs, listener.dup(), lambda: engine)
        ours.close()
        watch.serve()
    assert sleeper.wait(timeout=5) == -signal.SIGKILL
    assert not Janitor.connect(RUN).is_there
    die(worker)


def test_a_janitor_whose_controller_died_before_it_was_ready_cleans_up(engine: Engine) -> None:
    """It has nobody left to tell, and all the more to do."""
    ours, theirs = socket.socketpair()
    ours.close()
    with janitor._listening(RUN) as listener:
        Watch(RUN, theirs, listener.dup(), lambda: engine).serve()
    assert engine.clusters == ["other"]


def test_a_process_whose_id_was_used_again_is_spared(
    running: Running, sleeper: subprocess.Popen[bytes]
) -> None:
    """What was registered has ended; who has its id now is nobody's business."""
    identity = processes.identify(sleeper.pid)
    assert identity.started is not None
    worker = Janitor.connect(RUN)
    worker._send(f"process {sleeper.pid} {identity.started - 1}")
    worker.lease("c1")
    die(worker)
    running.controller.stop()
    running.ended()
    assert sleeper.poll() is None


def test_a_line_that_is_not_understood_harms_nobody(
    running: Running, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the lines after it count."""
    worker = Janitor.connect(RUN)
    worker._send("lease c1 c2\nprocess x\n\n\xff")
    worker.lease("c2")
    die(worker)
    eventually(lambda: engine.clusters == ["c1", "other"])
    assert "not a line of the janitor's protocol: 'lease c1 c2'" in caplog.text


def test_a_run_goes_on_without_its_janitor(running: Running) -> None:
    """Leasing from a janitor that has gone is no error, and is told."""
    worker = Janitor.connect(RUN)
    assert worker.is_there
    running.controller.stop()
    running.ended()

    def leased_in_vain() -> bool:
        worker.lease("c1")
        return not worker.is_there

    eventually(leased_in_vain)
    running._listener.close()
    assert not Janitor.connect(RUN).is_there
    worker.stop()


def test_a_real_janitor_starts_listens_and_ends(tmp_path: Path) -> None:
    """The process the controller starts answers a worker, and ends at the goodbye."""
    with ownership.hold(RUN):
        controller = Janitor.start(RUN, tmp_path)
        worker = Janitor.connect(RUN)
        assert worker.is_there
        worker.stop()
        controller.stop()
    assert controller._process is not None
    assert controller._process.returncode == 0


def test_a_janitor_that_cannot_be_started_leaves_no_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ends of the controller's connection are closed; an open one would be a warning, an error here."""
    pairs: list[tuple[socket.socket, socket.socket]] = []

    def noted() -> tuple[socket.socket, socket.socket]:
        pairs.append(make())
        return pairs[-1]

    make = socket.socketpair
    monkeypatch.setattr(socket, "socketpair", noted)
    with pytest.raises(FileNotFoundError):
        Janitor.start(RUN, tmp_path / "absent")
    assert [end.fileno() for end in pairs[0]] == [-1, -1]


def test_a_state_directory_of_any_length_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a unix socket is short, paths are not."""
    monkeypatch.setenv("BROKER_HARNESS_STATE", str(tmp_path / ("long" * 40)))
    with janitor._listening(RUN):
        worker = Janitor.connect(RUN)
        assert worker.is_there
        worker.stop()


def test_a_janitor_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log is in the error."""
    monkeypatch.setattr(janitor, "_environment", lambda: {"PYTHONPATH": "", "PYTHONHOME": "/nowhere"})
    with pytest.raises(HarnessError, match=r"the janitor did not start .*janitor\.log"):
        Janitor.start(RUN, tmp_path)

"""Starting dockerd: beside nothing, beside what a killed one left, and beside one that runs."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen

import pytest

from harness.engine import daemon
from harness.engine.daemon import Daemon
from harness.model.errors import DeadlineExceeded, EngineUnavailable

AGES = 30.0


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a directory for the run-time files, short enough for sockets."""
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        (directory / "run/docker/containerd").mkdir(parents=True)
        (directory / "run/containerd").mkdir()
        (directory / "proc").mkdir()
        yield directory


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Popen[bytes]]]:
    """Return what a test starts, and end it."""
    processes: list[Popen[bytes]] = []
    monkeypatch.setattr(daemon, "_spawned", processes)
    yield processes
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def dockerd(place: Path, script: str) -> Daemon:
    """Return a dockerd that is the shell script given."""
    program = place / "dockerd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Daemon(log=place / "log", run=place / "run", proc=place / "proc", program=str(program))


def process(place: Path, pid: int, name: str, state: str = "S") -> None:
    """Put a process into the fake /proc."""
    directory = place / "proc" / str(pid)
    directory.mkdir()
    (directory / "comm").write_text(f"{name}\n")
    (directory / "status").write_text(f"Name:\t{name}\nState:\t{state} (some state)\n")


def once_there(path: Path) -> str:
    """Ask an engine that answers once ``path`` is there."""
    return "" if path.exists() else "no socket there"


def test_it_returns_once_the_engine_answers_and_leaves_it_running(
    place: Path, spawned: list[Popen[bytes]]
) -> None:
    """The daemon has a session of its own, so that it survives us and our terminal."""
    ready = place / "ready"
    said: list[str] = []
    dockerd(place, f"touch {ready}; exec sleep {AGES}").start(lambda: once_there(ready), said.append, AGES)
    (started,) = spawned
    assert started.poll() is None
    assert os.getsid(started.pid) == started.pid
    assert said == [f"starting dockerd (log: {place / 'log'})"]


def test_one_that_ends_is_quoted(place: Path, spawned: list[Popen[bytes]]) -> None:
    """Its last words are in the error, and nobody waits for it any longer."""
    failing = dockerd(place, "echo 'iptables not found' >&2; exit 3")
    with pytest.raises(EngineUnavailable, match=r"(?s)ended with 3.*iptables not found.*hint: see"):
        failing.start(lambda: "no socket there", lambda _: None, AGES)


def test_one_that_never_answers_is_given_up_on(place: Path, spawned: list[Popen[bytes]]) -> None:
    """After the deadline the error says what was last seen."""
    with pytest.raises(
        DeadlineExceeded, match=r"dockerd answers: not within 0\.2 s; last seen: no socket there"
    ):
        dockerd(place, f"exec sleep {AGES}").start(lambda: "no socket there", lambda _: None, 0.2)


def test_one_that_runs_is_waited_for(place: Path, spawned: list[Popen[bytes]]) -> None:
    """A second daemon is never started beside one that has not answered yet."""
    (place / "run/docker.pid").write_text("77")
    process(place, 77, "dockerd")
    answers = iter(["no answer", "no answer", ""])
    said: list[str] = []
    dockerd(place, "exit 1").start(lambda: next(answers), said.append, AGES)
    assert spawned == []
    assert said == ["dockerd runs already (process 77); waiting until it answers"]


@pytest.mark.parametrize(
    ("name", "state"), [("bash", "S"), ("dockerd", "Z"), ("", "")], ids=["recycled", "zombie", "gone"]
)
def test_a_stale_pid_file_is_removed(name: str, state: str, place: Path, spawned: list[Popen[bytes]]) -> None:
    """A number that is now another process's, or nobody's, does not keep dockerd from starting."""
    (place / "run/docker.pid").write_text("77")
    if name:
        process(place, 77, name, state)
    ready = place / "ready"
    dockerd(place, f"test ! -e {place}/run/docker.pid && touch {ready}; exec sleep {AGES}").start(
        lambda: once_there(ready), lambda _: None, AGES
    )
    assert len(spawned) == 1


@pytest.mark.parametrize("kept", [True, False], ids=["running", "stale"])
def test_the_containerd_of_a_killed_dockerd(
    kept: bool,  # noqa: FBT001 - pytest passes parameters by name
    place: Path,
    spawned: list[Popen[bytes]],
) -> None:
    """One that runs is left for the next dockerd to take over; the number of one that is gone is not."""
    pid_file = place / "run/docker/containerd/containerd.pid"
    pid_file.write_text("78")
    process(place, 78, "containerd" if kept else "sshd")
    dockerd(place, f"exec sleep {AGES}").start(lambda: "", lambda _: None, AGES)
    assert pid_file.exists() is kept


def test_a_socket_on_which_nobody_listens_is_removed(place: Path, spawned: list[Popen[bytes]]) -> None:
    """A dockerd would wait for that containerd in vain."""
    path = place / "run/containerd/containerd.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    dockerd(place, f"exec sleep {AGES}").start(lambda: "", lambda _: None, AGES)
    assert not path.exists()


def test_a_socket_on_which_somebody_listens_is_kept(place: Path, spawned: list[Popen[bytes]]) -> None:
    """A containerd of the system is left alone."""
    path = place / "run/containerd/containerd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        dockerd(place, f"exec sleep {AGES}").start(lambda: "", lambda _: None, AGES)
        assert path.exists()


def test_a_daemon_that_is_not_installed_is_seen(tmp_path: Path) -> None:
    """Whether there is a dockerd is a question of its own: a client says nothing about it."""
    assert not Daemon(log=tmp_path / "log", program="dockerd-that-nobody-has").installed()
    assert Daemon(log=tmp_path / "log", program="sh").installed()

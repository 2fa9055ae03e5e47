"""Exactly the process that was meant is ended, never a later one with the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from harness.engine import processes


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_process_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    """SIGKILL reaches what was identified."""
    assert processes.kill(processes.identify(sleeper.pid))
    assert sleeper.wait(timeout=5) == -signal.SIGKILL


def test_a_later_process_with_the_same_id_is_spared(sleeper: subprocess.Popen[bytes]) -> None:
    """The start time tells them apart."""
    identity = processes.identify(sleeper.pid)
    assert identity.started is not None
    assert not processes.kill(identity._replace(started=identity.started - 1))
    assert sleeper.poll() is None


def test_without_process_descriptors_the_id_is_used(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old kernels and other systems have no pidfd_open; the start time is compared all the same."""
    monkeypatch.delattr(os, "pidfd_open")
    identity = processes.identify(sleeper.pid)
    assert not processes.kill(identity._replace(started=0))
    assert processes.kill(identity)
    assert sleeper.wait(timeout=5) == -signal.SIGKILL


def test_what_has_ended_is_not_running(sleeper: subprocess.Popen[bytes]) -> None:
    """A process that nobody waited for yet, a zombie, has ended too."""
    identity = processes.identify(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.is_running(identity)
    assert not processes.kill(identity)
    sleeper.wait(timeout=5)
    assert processes.identify(sleeper.pid).started == -1
    assert not processes.kill(identity)


def test_this_process_runs() -> None:
    """The identity of a live process stays the same."""
    assert processes.is_running(processes.identify(os.getpid()))


CHILD = """
import os
from harness.engine.processes import end_with
print(os.getpid(), end_with(os.getppid()), flush=True)
input()
"""

PARENT = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE):
    input()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux does it")
def test_a_process_ends_with_its_parent() -> None:
    """However the parent was ended, and though nobody else is there to see to it."""
    command = [sys.executable, "-c", PARENT, CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, is_child = parent.stdout.readline().split()
        child = processes.identify(int(pid))
        assert (is_child, processes.is_running(child)) == ("True", True)
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while processes.is_running(child):
        assert time.monotonic() < deadline, f"{child} still runs"
        time.sleep(0.002)


def test_a_process_is_told_that_its_parent_is_gone() -> None:
    """Nothing would end it any more, so it has to do that itself."""
    script = "import os; from harness.engine.processes import end_with; print(end_with(os.getpid()))"
    command = [sys.executable, "-c", script]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "False\n"

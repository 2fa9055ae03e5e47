"""Exactly the process that was meant is ended, never a later one with the same id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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

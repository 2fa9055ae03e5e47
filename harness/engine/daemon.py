"""Starting dockerd so that it survives us, also where one was killed and left its traces.

What a killed dockerd leaves: its pid file, which makes the next one refuse to start when the number
has gone to another process; its containerd, which the next one takes over by the number in a pid
file, whatever process that is now; and sockets on which nobody listens, of which that of a system
containerd makes dockerd wait for it in vain.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.engine.steps import Say, quoted
from harness.model.errors import DeadlineExceeded, EngineUnavailable

_ASK_EVERY = 0.1
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def program_path() -> str:
    """Return our PATH with the system's directories, where dockerd, runc and iptables are."""
    return f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PATH}"


@dataclass(frozen=True, slots=True)
class Daemon:
    """A dockerd of this machine; ``run`` is where it and containerd keep their run-time files."""

    log: Path
    run: Path = Path("/var/run")
    proc: Path = Path("/proc")
    program: str = "dockerd"

    def installed(self) -> bool:
        """Whether there is a dockerd to start."""
        return shutil.which(self.program, path=program_path()) is not None

    def start(self, answer: Callable[[], str], say: Say, seconds: float = 60.0) -> None:
        """Start it, unless it runs already, and return once it answers.

        ``answer`` asks the engine and returns why there is none, empty once there is.

        Raises ``EngineUnavailable`` if it ends, and ``DeadlineExceeded`` if it does not answer
        within ``seconds``, both with the last lines of its log.
        """
        running = self._running(self.run / "docker.pid", "dockerd")
        if running:
            say(f"dockerd runs already (process {running}); waiting until it answers")
            process = None
        else:
            self._clear_traces(say)
            say(f"starting dockerd (log: {self.log})")
            process = self._spawn()
        self._wait(process, answer, seconds)

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [shutil.which(self.program, path=program_path()) or self.program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PATH": program_path()},
                start_new_session=True,
            )
        _spawned.append(process)
        return process

    def _wait(
        self, process: subprocess.Popen[bytes] | None, answer: Callable[[], str], seconds: float
    ) -> None:
        deadline = time.monotonic() + seconds
        while seen := answer():
            if process is not None and process.poll() is not None:
                ended = f"dockerd ended with {process.returncode}{self._last_words()}"
                raise EngineUnavailable([ended], f"see {self.log}, then run `harness setup` again")
            if time.monotonic() > deadline:
                raise DeadlineExceeded("dockerd answers", seconds, f"{seen}{self._last_words()}")
            time.sleep(_ASK_EVERY)

    def _last_words(self) -> str:
        return quoted(self.log.read_text(errors="replace")) if self.log.exists() else ""

    def _clear_traces(self, say: Say) -> None:
        for pid_file, owner in (
            (self.run / "docker.pid", "dockerd"),
            (self.run / "docker/containerd/containerd.pid", "containerd"),
        ):
            if pid_file.exists() and not self._running(pid_file, owner):
                say(f"removing {pid_file}, left by a {owner} that is gone")
                pid_file.unlink(missing_ok=True)
        listener = self.run / "containerd/containerd.sock"
        if listener.is_socket() and not _listens(listener):
            say(f"removing {listener}, on which nobody listens")
            listener.unlink(missing_ok=True)

    def _running(self, pid_file: Path, name: str) -> int:
        """Return the process that ``pid_file`` names if it is a ``name``, else 0."""
        with suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            if (self.proc / str(pid) / "comm").read_text().strip() == name and not self._is_zombie(pid):
                return pid
        return 0

    def _is_zombie(self, pid: int) -> bool:
        return "\nState:\tZ" in (self.proc / str(pid) / "status").read_text()


_spawned: list[subprocess.Popen[bytes]] = []
"""Keeps what we started referenced: a Popen that is collected while its process runs complains."""


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True

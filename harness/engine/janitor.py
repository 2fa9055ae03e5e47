"""The controller's and the workers' side of the janitor.

The janitor is a process of its own that outlives a SIGKILL of the run and cleans up after it (see
``janitor_process``). It is no condition of a run: when it is gone, everything here goes on without
it, and the sweep at the next start does its work.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.ownership import socket_path
from harness.engine.processes import identify
from harness.model.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator

READY = b"ready\n"
LOG = "janitor.log"

_START_SECONDS = 15.0
_STOP_SECONDS = 30.0
_CONNECT_SECONDS = 5.0

_ADDRESS_BYTES = 104
"""What the address of a unix socket holds, its final zero included: 108 on Linux, 104 on BSDs."""

_open: weakref.WeakSet[Janitor] = weakref.WeakSet()


class Janitor:
    """One connection to the run's janitor, open for the life of this process; safe in threads.

    Made by ``start`` in the controller and by ``connect`` in a worker.
    """

    def __init__(
        self, connection: socket.socket | None, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        """Take over a connection; None stands for a janitor that is gone."""
        self._connection = connection
        self._process = process
        self._lock = threading.Lock()
        _open.add(self)

    @classmethod
    def start(cls, run_id: str, directory: Path) -> Janitor:
        """Start the janitor of a run whose lock this process holds; it logs into ``directory``.

        Its controller's connection is made before it is started, so that there is no moment in
        which the controller could die unseen.

        Raises ``HarnessError`` with its log when it does not come up within 15 s.
        """
        ours, theirs = socket.socketpair()
        log = directory / LOG
        with _closed_on_failure(ours), theirs, log.open("ab") as log_file, _listening(run_id) as listener:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "harness.engine.janitor_process"),
                    *(run_id, str(theirs.fileno()), str(listener.fileno())),
                ],
                pass_fds=(theirs.fileno(), listener.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log_file,
                env=_environment(),
                start_new_session=True,
            )
        _await_ready(ours, process, log)
        return cls(ours, process)

    @classmethod
    def connect(cls, run_id: str) -> Janitor:
        """Register this worker with the run's janitor; if that is gone the run goes on without."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_CONNECT_SECONDS)
        try:
            with _short(socket_path(run_id)) as address:
                connection.connect(address)
            connection.settimeout(None)
        except OSError:
            connection.close()
            return cls(None)
        janitor = cls(connection)
        janitor._send(f"worker {_identity(os.getpid())}")
        return janitor

    @property
    def is_there(self) -> bool:
        """Whether the janitor was there when last spoken to."""
        return self._connection is not None

    def lease(self, cluster_id: str) -> None:
        """Have the cluster removed if this process dies; to be called before creating any of it."""
        self._send(f"lease {cluster_id}")

    def release(self, cluster_id: str) -> None:
        """Hand the cluster back to the pool: from now on it goes only with the run."""
        self._send(f"release {cluster_id}")

    def register_process(self, pid: int) -> None:
        """Have a process of ours ended when this one dies: a client that can block for ever."""
        self._send(f"process {_identity(pid)}")

    def borrow(self, cluster_id: str) -> None:
        """Have what is paused of the cluster unpaused if this process dies, but the cluster kept.

        For clusters that somebody keeps on purpose; ``release`` ends it.
        """
        self._send(f"borrow {cluster_id}")

    def stop(self) -> None:
        """Say that all is well and clean, and part; the janitor of a controller ends.

        Raises ``HarnessError`` if it is still at work after 30 s; its work goes on.
        """
        self._send("goodbye")
        self._close()
        if self._process is None:
            return
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise HarnessError(
                f"the janitor (process {self._process.pid}) still cleans up {_STOP_SECONDS:g} s after the "
                f"run; its {LOG} says what it waits for",
            ) from None

    def _send(self, line: str) -> None:
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.sendall(f"{line}\n".encode())
            except OSError:
                self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _await_ready(connection: socket.socket, process: subprocess.Popen[bytes], log: Path) -> None:
    connection.settimeout(_START_SECONDS)
    try:
        answer = connection.recv(len(READY))
    except OSError as error:
        answer = str(error).encode()
    if answer != READY:
        connection.close()
        process.kill()
        process.wait()
        raise HarnessError(f"the janitor did not start (it said {answer!r}); {log}:\n{_tail(log)}")
    connection.settimeout(None)


def _identity(pid: int) -> str:
    process = identify(pid)
    return f"{pid}" if process.started is None else f"{pid} {process.started}"


@contextmanager
def _closed_on_failure(connection: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def _listening(run_id: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        socket_path(run_id).unlink(missing_ok=True)
        with _short(socket_path(run_id)) as address:
            listener.bind(address)
        listener.listen(128)
        yield listener


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of the socket that fits into its address."""
    if len(os.fsencode(path)) < _ADDRESS_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def _environment() -> dict[str, str]:
    """Let the janitor find this very harness, though it runs without the working directory."""
    package = str(Path(__file__).resolve().parents[2])
    if package in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(os.environ)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return dict(os.environ, PYTHONPATH=path)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _close_in_child() -> None:
    """Drop what a forked child inherited: it would keep its parent's connection alive."""
    for janitor in tuple(_open):
        janitor._close()  # noqa: SLF001 - of this module


os.register_at_fork(after_in_child=_close_in_child)

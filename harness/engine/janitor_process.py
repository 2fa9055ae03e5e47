"""The janitor: a process that outlives a killed run and leaves nothing of it behind.

``python -P -m harness.engine.janitor_process RUN CONTROLLER LISTENER`` inherits two sockets: the
controller's connection, and the one on which workers connect. A connection that ends without
``goodbye`` is a death, seen within milliseconds however it came. The lines it understands:

    worker PID STARTED     who is speaking
    process PID STARTED    a process that must not outlive the speaker
    lease CLUSTER          remove the cluster if I die
    borrow CLUSTER         let the cluster run on if I die, but do not leave it paused
    release CLUSTER        I no longer have it
    goodbye                what I had is in order

When a worker dies, its processes are ended and its clusters removed: nobody knows their state. When
the controller dies, the workers are ended first, for they would create more containers, then
everything the run owns is removed, until two looks in a row find nothing.
"""

from __future__ import annotations

import logging
import selectors
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from harness.engine import processes, sweep
from harness.engine.janitor import READY
from harness.engine.processes import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger("janitor")

_DEATH_SECONDS = 2.0
"""How long to wait for what was sent SIGKILL to be gone."""

_SETTLE_SECONDS = 0.5
"""How long a create request that was under way when its sender died may take to show."""

_LOOKS = 2
"""How many looks in a row have to find nothing."""

_PERSIST_SECONDS = 120.0
"""How long to go on while the engine fails; after that the next run's sweep has the work."""


@dataclass(eq=False)
class Peer:
    """The controller or a worker, as far as it has told."""

    connection: socket.socket
    name: str
    itself: ProcessIdentity | None = None
    processes: list[ProcessIdentity] = field(default_factory=list)
    leased: set[str] = field(default_factory=set)
    borrowed: set[str] = field(default_factory=set)
    said_goodbye: bool = False
    unread: bytes = b""

    def hear(self, line: str) -> None:
        """Take note of one line; raises ``ValueError`` for one that is not of the protocol."""
        verb, *words = line.split()
        match verb, words:
            case "worker", [pid, *started]:
                self.itself = _identity(pid, started)
                self.name = f"worker {pid}"
            case "process", [pid, *started]:
                self.processes.append(_identity(pid, started))
            case "lease", [cluster]:
                self.leased.add(cluster)
            case "borrow", [cluster]:
                self.borrowed.add(cluster)
            case "release", [cluster]:
                self.leased.discard(cluster)
                self.borrowed.discard(cluster)
            case "goodbye", []:
                self.said_goodbye = True
            case _:
                raise ValueError(f"not a line of the janitor's protocol: {line!r}")


class Watch:
    """Listens to the peers of one run until its controller leaves; ``serve`` does it all.

    ``remover`` makes the access to the engine, in the thread and at the time it is needed.
    """

    def __init__(
        self,
        run_id: str,
        controller: socket.socket,
        listener: socket.socket,
        remover: Callable[[], sweep.Remover],
    ) -> None:
        self._run_id = run_id
        self._controller = Peer(controller, "controller")
        self._listener = listener
        self._remover = remover
        self._peers = {self._controller}
        self._selector = selectors.DefaultSelector()
        self._background = ThreadPoolExecutor(4, thread_name_prefix="removal")

    def serve(self) -> None:
        """Watch until the controller leaves, clean up after it if it died, and return."""
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._controller.connection, selectors.EVENT_READ, self._controller)
        with suppress(OSError):  # it died while this started: its connection ends, as ever
            self._controller.connection.sendall(READY)
        # Now, for the environment this was started from may be gone when it is needed.
        self._submit(self._remover)
        while self._controller in self._peers:
            self._hear(None)
        if not self._controller.said_goodbye:
            # Whoever came or spoke just before counts, and whoever comes too late must be told.
            while self._hear(0):
                pass
            self._listener.close()
            self._bury_run()
        self._selector.close()
        self._background.shutdown()
        for peer in self._peers:
            peer.connection.close()

    def _hear(self, seconds: float | None) -> bool:
        """Attend to all who have something to say; returns whether anybody had within ``seconds``."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.data is None:
                self._welcome()
            else:
                self._attend(key.data)
        return bool(ready)

    def _welcome(self) -> None:
        connection, _ = self._listener.accept()
        peer = Peer(connection, "worker")
        self._peers.add(peer)
        self._selector.register(connection, selectors.EVENT_READ, peer)

    def _attend(self, peer: Peer) -> None:
        try:
            received = peer.connection.recv(65536)
        except OSError as error:
            log.info("%s: %s", peer.name, error)
            received = b""
        *lines, peer.unread = (peer.unread + received).split(b"\n")
        for line in lines:
            try:
                peer.hear(line.decode())
            except ValueError as error:
                log.warning("%s: %s", peer.name, error)
        if not received:
            self._part(peer)

    def _part(self, peer: Peer) -> None:
        self._peers.discard(peer)
        self._selector.unregister(peer.connection)
        peer.connection.close()
        if peer.said_goodbye:
            return
        log.warning("%s died; it held %s", peer.name, sorted(peer.leased | peer.borrowed) or "nothing")
        if peer is not self._controller:
            _end(peer.processes)
            self._release(peer)

    def _release(self, peer: Peer) -> None:
        for cluster in sorted(peer.leased):
            self._submit(partial(self._clear, cluster))
        for cluster in sorted(peer.borrowed):
            self._submit(partial(self._unpause, cluster))

    def _bury_run(self) -> None:
        dead = {self._controller, *self._peers}
        _end([peer.itself for peer in dead if peer.itself])
        _end([process for peer in dead for process in peer.processes])
        for peer in dead:
            for cluster in peer.borrowed:
                self._submit(partial(self._unpause, cluster))
        self._submit(partial(self._clear_run, {cluster for peer in dead for cluster in peer.leased}))

    def _clear_run(self, leased: set[str]) -> None:
        _until_twice_empty(lambda: sweep.remove_owner(self._run_id, self._remover()))
        # Clusters that were to be kept are not the run's, but those in use are of no use to anybody.
        for cluster in leased:
            sweep.remove_cluster(cluster, self._remover())
        sweep.remove_stale_files(self._remover())
        log.info("nothing of run %s is left", self._run_id)

    def _clear(self, cluster: str) -> None:
        _until_twice_empty(lambda: sweep.remove_cluster(cluster, self._remover()))
        log.info("cluster %s is gone", cluster)

    def _unpause(self, cluster: str) -> None:
        engine = self._remover()
        for thing in engine.find(cluster=cluster):
            if thing.paused:
                engine.unpause(thing)
                log.info("%s runs again", thing)

    def _submit(self, work: Callable[[], object]) -> None:
        def logged() -> None:
            try:
                work()
            except Exception:
                log.exception("left to the next start")

        self._background.submit(logged)


def _end(doomed: Iterable[ProcessIdentity]) -> None:
    waiting = [process for process in doomed if processes.kill(process)]
    if waiting:
        log.warning("ended %s", ", ".join(str(process.pid) for process in waiting))
    deadline = time.monotonic() + _DEATH_SECONDS
    while waiting := [process for process in waiting if processes.is_running(process)]:
        if time.monotonic() > deadline:
            log.warning("still there %g s after SIGKILL: %s", _DEATH_SECONDS, waiting)
            return
        time.sleep(0.002)


def _until_twice_empty(remove: Callable[[], int]) -> None:
    """Remove until two looks find nothing; the engine may still be creating what a dead process asked for.

    There is no condition to wait for between the looks: a request under way cannot be seen.
    """
    deadline = time.monotonic() + _PERSIST_SECONDS
    empty = 0
    while empty < _LOOKS:
        try:
            removed = remove()
        except Exception:
            if time.monotonic() > deadline:
                raise
            log.exception("trying again")
            removed = -1
        log.info("removed %d", removed)
        empty = 0 if removed else empty + 1
        if empty < _LOOKS:
            time.sleep(_SETTLE_SECONDS)


def _identity(pid: str, started: list[str]) -> ProcessIdentity:
    return ProcessIdentity(int(pid), int(started[0]) if started else None)


def _engine() -> sweep.Remover:
    from harness.engine.removal import EngineRemover  # noqa: PLC0415 - the start must not wait for it

    return EngineRemover()


def main(run_id: str, controller: str, listener: str) -> None:
    """Be the janitor of a run, given the descriptors of the two inherited sockets."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO, stream=sys.stderr)
    Watch(
        run_id,
        socket.socket(fileno=int(controller)),
        socket.socket(fileno=int(listener)),
        _engine,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])

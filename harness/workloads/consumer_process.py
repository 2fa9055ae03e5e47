"""A consumer in a process of its own, so that it can be killed or frozen like a real one.

The parent writes an ``Assignment`` and starts ``python -P -m harness.workloads.consumer_process``
with its path; the child attaches to the cluster by its description, records into its own file of
the case's history, and consumes until it is killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import msgspec
from msgspec import field

import harness
from harness.backends import load_backend
from harness.engine.cluster import attach_cluster
from harness.engine.processes import end_with
from harness.history.recorder import Recorder
from harness.history.records import Header, Op, Stage
from harness.history.store import part, read_records
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import HarnessError
from harness.model.link import Link
from harness.workloads.consuming import Consuming
from harness.workloads.recorded import RecordedClient
from harness.workloads.tally import Tally


class Assignment(msgspec.Struct, frozen=True):
    """All a consumer process needs to know; ``directory`` is the case's, ``parent`` who writes this."""

    cluster: str
    destination: Destination
    config: ConsumerConfig
    client: str
    directory: str
    ordinal: int
    header: Header
    acks: bool
    parent: int = field(default_factory=os.getpid)


class ConsumerProcess:
    """The parent's hand on a consumer process."""

    def __init__(self, assignment: Assignment) -> None:
        directory = Path(assignment.directory)
        self._history = part(directory, assignment.ordinal)
        self._log = directory / f"{assignment.client}.log"
        self._killed = False
        path = directory / f"{assignment.client}.json"
        path.write_bytes(msgspec.json.encode(assignment))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.workloads.consumer_process", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, for the janitor."""
        return self._process.pid

    def delivered(self) -> int:
        """How many deliveries it has recorded so far; raises ``HarnessError`` if it died by itself."""
        if (status := self._process.poll()) is not None and not self._killed:
            raise HarnessError(f"the consumer process ended with {status}: {self._log.read_text()[-2000:]}")
        if not self._history.exists():
            return 0
        return sum(
            len(r.seen) for r in read_records(self._history) if isinstance(r, Op) and r.stage == Stage.OK
        )

    def freeze(self) -> None:
        """SIGSTOP: it stops between two instructions, its connections stay open."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and return when it is dead; harmless twice."""
        self._killed = True
        self._process.kill()
        self._process.wait()


def _environment() -> dict[str, str]:
    """Let the child find this very harness, though it runs without the working directory."""
    package = str(Path(harness.__file__).resolve().parent.parent)
    if package in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        return dict(os.environ)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    return dict(os.environ, PYTHONPATH=path)


async def _consume(assignment: Assignment) -> None:
    cluster = attach_cluster(assignment.cluster)
    backend = load_backend(cluster.spec.backend)
    with Recorder(
        part(Path(assignment.directory), assignment.ordinal),
        assignment.header,
        assignment.ordinal,
    ) as recorder:
        bare = backend.client(cluster, Link.CONSUMER, assignment.client)
        client = RecordedClient(bare, assignment.client, backend, recorder, Tally())
        await client.connect()
        consuming = Consuming(client, assignment.destination, assignment.config, acks=assignment.acks)
        await consuming.run()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the parent decides
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Assignment)
    if not end_with(given.parent):
        sys.exit(f"process {given.parent}, which started this, is gone")
    asyncio.run(_consume(given))

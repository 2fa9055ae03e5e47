"""A consumer in a process of its own: what its parent sees of it, and what it does with its assignment."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from harness.backends.memory import MemoryBackend
from harness.history.recorder import Recorder
from harness.history.records import Function, Op, Seen, Stage
from harness.history.store import part, read_records
from harness.model.cluster import ClusterSpec
from harness.model.consumer import ConsumerConfig
from harness.model.errors import HarnessError
from harness.model.link import Link
from harness.model.message import Message, Position
from harness.waits import wait_for_condition
from harness.workloads import consumer_process
from harness.workloads.consumer_process import Assignment, ConsumerProcess
from tests.scenario.doubles import HEADER, ORDERS

CHILD = """#!{python}
import os, sys, time
from pathlib import Path
directory = Path(sys.argv[-1]).parent
(directory / "started").write_text(" ".join(sys.argv[1:]) + "\\n" + os.environ.get("PYTHONPATH", ""))
{work}
"""
"""In the place of Python: it has the arguments that the real child would have."""


def assignment(directory: Path) -> Assignment:
    """The first consumer process of a case."""
    config = ConsumerConfig("billing", lease=4.0, max_deliver=3)
    return Assignment("c4f1", ORDERS, config, "consumer-process-1", str(directory), 1, HEADER, acks=False)


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ConsumerProcess]]:
    """Start a child that does ``work`` instead of consuming; it is ended with the test."""
    children = []

    def start(work: str) -> ConsumerProcess:
        child = tmp_path / "child"
        child.write_text(CHILD.format(python=sys.executable, work=work))
        child.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(child))
        process = ConsumerProcess(assignment(tmp_path))
        children.append(process)
        eventually((tmp_path / "started").exists)
        return process

    yield start
    for process in children:
        process.kill()


def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition of another process holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.005)


def state(process: ConsumerProcess) -> str:
    """What the kernel says of it, in one letter."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def record_deliveries(path: Path, *sizes: int) -> None:
    """Write receives of these sizes, as the child does."""
    with Recorder(path, HEADER, 1) as recorder:
        for number, size in enumerate(sizes):
            seen = tuple(Seen(f"p-{i}", Position(0, i), 1, "", "", "orders") for i in range(size))
            for stage in (Stage.INVOKE, Stage.OK):
                got = seen if stage is Stage.OK else ()
                recorder.write(Op(stage, number, Function.RECEIVE, number, 0, "c", "orders", seen=got))


SLEEPING = "time.sleep(300)"


def test_the_child_is_given_its_assignment_and_this_harness(
    tmp_path: Path, started: Callable[[str], ConsumerProcess]
) -> None:
    """Without the working directory on its path, and in a group that no Ctrl-C of ours reaches."""
    process = started(SLEEPING)
    arguments, path = (tmp_path / "started").read_text().split("\n")[:2]
    assert arguments == f"-P -m harness.workloads.consumer_process {tmp_path / 'consumer-process-1.json'}"
    package = str(Path(consumer_process.__file__).resolve().parents[2])
    assert package in {path.split(os.pathsep)[0], sysconfig.get_path("purelib")}
    assert os.getpgid(process.pid) == process.pid
    written = (tmp_path / "consumer-process-1.json").read_bytes()
    assert msgspec.json.decode(written, type=Assignment) == assignment(tmp_path)


def test_deliveries_are_counted_from_its_history(
    tmp_path: Path, started: Callable[[str], ConsumerProcess]
) -> None:
    """None before it has begun to write, and those of a torn last line not yet."""
    process = started(SLEEPING)
    assert process.delivered() == 0
    record_deliveries(part(tmp_path, 1), 3, 0, 4)
    assert process.delivered() == 7
    with part(tmp_path, 1).open("a") as history:
        history.write('{"type":"op","stage":"ok","op":9,"func')
    assert process.delivered() == 7


def test_a_killed_child_is_dead_and_still_counted(
    tmp_path: Path, started: Callable[[str], ConsumerProcess]
) -> None:
    """SIGKILL, harmless twice; what it wrote is there."""
    process = started(SLEEPING)
    record_deliveries(part(tmp_path, 1), 2)
    process.kill()
    process.kill()
    assert not Path(f"/proc/{process.pid}").exists()
    assert process.delivered() == 2


def test_a_frozen_child_stops_and_goes_on(started: Callable[[str], ConsumerProcess]) -> None:
    """SIGSTOP and SIGCONT; a frozen one can be killed."""
    process = started(SLEEPING)
    process.freeze()
    eventually(lambda: state(process) == "T")
    process.thaw()
    eventually(lambda: state(process) == "S")
    process.freeze()
    process.kill()


def test_a_child_that_dies_by_itself_says_why(started: Callable[[str], ConsumerProcess]) -> None:
    """Its status, and what it said."""
    process = started("sys.exit('no cluster of that name')")
    with pytest.raises(HarnessError, match=r"ended with 1: .*no cluster of that name"):
        eventually(lambda: process.delivered() < 0)


def test_a_child_that_is_killed_by_others_says_so(started: Callable[[str], ConsumerProcess]) -> None:
    """A crash of its client library, or a machine short of memory, is no kill of ours."""
    process = started(SLEEPING)
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(HarnessError, match="ended with -9"):
        eventually(lambda: process.delivered() < 0)


@pytest.mark.anyio
@pytest.mark.parametrize("acks", [True, False])
async def test_it_consumes_what_it_was_assigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, acks: bool
) -> None:
    """It attaches to the cluster, joins the group with its settings, and records into its own file."""
    backend = MemoryBackend()
    cluster = backend.start(ClusterSpec("memory", "1", 1, "r1"), "tests")
    monkeypatch.setattr(consumer_process, "attach_cluster", {"c4f1": cluster}.__getitem__)
    admin = backend.client(cluster, Link.ADMIN, "admin")
    await admin.connect()
    await admin.create_destination(ORDERS)
    for number in range(3):
        await admin.publish(ORDERS, Message(f"p-{number}"), 1.0)

    told = msgspec.structs.replace(assignment(tmp_path), acks=acks)
    task = asyncio.create_task(consumer_process._consume(told))
    acked = [Function.ACK] * 3 if acks else []

    async def done() -> bool:
        ended = [each.function for each in ops(tmp_path) if each.stage is Stage.OK]
        return ended.count(Function.ACK) == len(acked) and Function.RECEIVE in ended

    await wait_for_condition(done, condition="it consumes", within=10.0)
    task.cancel()
    await asyncio.wait([task])
    received = [seen.message for op in ops(tmp_path) for seen in op.seen]
    assert received == ["p-0", "p-1", "p-2"]
    assert {op.client for op in ops(tmp_path)} == {"consumer-process-1"}
    assert {op.op >> 32 for op in ops(tmp_path)} == {1}
    backlog = await admin.backlog(ORDERS, "billing")
    assert (backlog.lag, backlog.pending) == (0, 0 if acks else 3)


def ops(directory: Path) -> list[Op]:
    """What the first consumer process has written so far."""
    if not part(directory, 1).exists():
        return []
    return [record for record in read_records(part(directory, 1)) if isinstance(record, Op)]

"""How fast a history is judged, and in how much memory: ``python bench/judging.py [records ...]``.

For each size a history of a healthy case is written (publishes, receives of ten, acks of each, one
read of the log), merged and compressed; then, each in a process of its own so that its peak memory
is its own, the file is read and dropped (the baseline) and judged by every checker that fits.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.judge import Verdict, judge
from harness.checkers.lease_honoured import LeaseHonoured
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.per_key_order import PerKeyOrder
from harness.checkers.registry import ALWAYS
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Function, Header, Observation, Op, Record, Seen, Stage
from harness.history.store import merge, part, read_records
from harness.history.view import History
from harness.model.message import Position

SIZES = (10_000, 100_000, 1_000_000)
DESTINATION, GROUP = "case-1f2e3d4c.orders", "billing"
BATCH = 10
RECORDS_A_BATCH = 2 * BATCH + 2 + 2 * BATCH
CHECKERS = (
    *ALWAYS,
    NoLostMessages(),
    EverythingDelivered(),
    AckedStaysAcked(),
    PerKeyOrder(),
    LeaseHonoured(5.0),
)


def case(records: int) -> Iterator[Record]:
    """About ``records`` records of a case in which nothing goes wrong."""
    clock = op = 0
    log: list[Seen] = []
    for _ in range(records // RECORDS_A_BATCH):
        batch = []
        for _ in range(BATCH):
            number = len(log) + 1
            seen = Seen(
                f"publisher-{number % 4}-{number}",
                Position(0, number),
                1,
                f"{number * 2654435761 % 2**64:016x}",
                f"key-{number % 50}",
                DESTINATION,
            )
            batch.append(seen)
            log.append(seen)
            op, clock = op + 1, clock + 1000
            yield _publish(Stage.INVOKE, op, clock, seen, key=seen.key, digest=seen.digest)
            yield _publish(Stage.OK, op, clock + 500, seen, position=seen.position)
        op, clock = op + 1, clock + 1000
        yield _consume(Stage.INVOKE, op, Function.RECEIVE, clock)
        yield _consume(Stage.OK, op, Function.RECEIVE, clock + 500, seen=tuple(batch))
        for seen in batch:
            op, clock = op + 1, clock + 1000
            for stage in (Stage.INVOKE, Stage.OK):
                yield _consume(stage, op, Function.ACK, clock, message=seen.message, position=seen.position)
    for stage, read in ((Stage.INVOKE, ()), (Stage.OK, tuple(log))):
        clock += 1000
        yield Op(stage, op + 1, Function.READ_LOG, clock, 3, "admin-1", DESTINATION, seen=read)
    yield Observation("log-read", clock, destination=DESTINATION)
    yield Observation("drained", clock, destination=DESTINATION, group=GROUP)


def _consume(stage: Stage, op: int, function: Function, time: int, **fields: Any) -> Op:
    return Op(stage, op, function, time, 2, "consumer-1", DESTINATION, GROUP, **fields)


def _publish(stage: Stage, op: int, time: int, seen: Seen, **fields: Any) -> Op:
    client = seen.message.rpartition("-")[0]
    return Op(stage, op, Function.PUBLISH, time, 1, client, seen.destination, message=seen.message, **fields)


def write(directory: Path, records: int) -> Path:
    """Record and merge a case; prints how fast that was."""
    header = Header(FORMAT_VERSION, "bench", "memory", "1", 3, "r3", 0, 0, 0, 0)
    made = list(case(records))
    with Recorder(part(directory, 0), header) as recorder:
        begun = time.perf_counter()
        for record in made:
            recorder.write(record)
        recorded = time.perf_counter() - begun
    begun = time.perf_counter()
    path = merge(directory)
    merged = time.perf_counter() - begun
    print(f"{len(made):>9} records: recorded at {len(made) / recorded:,.0f}/s, merged in {merged:.2f} s")
    return path


def measured(task: str, path: str) -> None:
    """In the child: do one task, print its seconds, processor seconds and peak memory in MB."""
    begun = time.perf_counter()
    if task == "read":
        for _ in read_records(Path(path)):
            pass
    else:
        judgement = judge(History(read_records(Path(path))), CHECKERS, (), "r3")
        assert judgement.verdict is Verdict.OK, judgement
    seconds = time.perf_counter() - begun
    print(seconds, time.process_time(), _peak())


def _peak() -> float:
    # Not getrusage's: that one starts at what the parent had at the fork.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def child(task: str, path: Path) -> list[float]:
    """Run ``measured`` in a process of its own."""
    command = [sys.executable, __file__, task, str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(figure) for figure in answer.split()]


def main(sizes: tuple[int, ...]) -> None:
    """Print seconds, records a second, peak memory and the ratio to reading alone, for each size."""
    for records in sizes:
        with tempfile.TemporaryDirectory() as directory:
            path = write(Path(directory), records)
            read, read_cpu, read_peak = child("read", path)
            judged, cpu, peak = child("judge", path)
        print(
            f"{records:>9} records: judged in {judged:.2f} s, {cpu:.2f} s of processor "
            f"({records / judged:,.0f}/s), peak {peak:.0f} MB\n"
            f"{'reading alone':>17}: {read:.2f} s, {read_cpu:.2f} s of processor, peak {read_peak:.0f} MB; "
            f"ratio {judged / read:.1f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in {"read", "judge"}:
        measured(*sys.argv[1:])
    else:
        main(tuple(map(int, sys.argv[1:])) or SIZES)

"""What the recorder promises: it is there once written, and ids are nobody else's."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Function, Header, Observation, Op, Stage
from harness.history.store import read_records
from harness.model.errors import BadOption

HEADER = Header(FORMAT_VERSION, "test_x", "memory", "1", 3, "r3", 7, 100, 200, 42)


def test_header_comes_first_and_records_follow_in_order(tmp_path: Path) -> None:
    """A history opens with its header and holds the records as they were written."""
    op = Op(Stage.INVOKE, 4, Function.PUBLISH, 81, 2, "p1", "orders", message="p1-7", key="k3", digest="9f")
    with Recorder(tmp_path / "history.0.jsonl", HEADER) as recorder:
        recorder.write(op)
        recorder.write(Observation("promotion", 90))
    assert list(read_records(recorder.path)) == [HEADER, op, Observation("promotion", 90)]


def test_what_is_written_can_be_read_at_once(tmp_path: Path) -> None:
    """Nothing waits in a buffer: a kill right after ``write`` loses nothing."""
    with Recorder(tmp_path / "history.0.jsonl", HEADER) as recorder:
        recorder.write(Observation("promotion", 90))
        assert len(list(read_records(recorder.path))) == 2


def test_ids_of_two_processes_never_meet(tmp_path: Path) -> None:
    """The ordinal keeps op and process ids of different processes apart."""
    with (
        Recorder(tmp_path / "a.jsonl", HEADER, ordinal=0) as first,
        Recorder(tmp_path / "b.jsonl", HEADER, ordinal=1) as second,
    ):
        ops = [recorder.next_op() for recorder in (first, second) for _ in range(100)]
        processes = [recorder.next_process() for recorder in (first, second) for _ in range(100)]
    assert len(set(ops)) == len(set(processes)) == 200
    assert second.next_op() == (1 << 32) + 100


def test_threads_neither_share_ids_nor_tear_lines(tmp_path: Path) -> None:
    """Several threads may record at once."""
    with Recorder(tmp_path / "history.0.jsonl", HEADER) as recorder:

        def record() -> None:
            for _ in range(500):
                recorder.write(Op(Stage.INVOKE, recorder.next_op(), Function.RECEIVE, 1, 1, "c" * 200))

        threads = [threading.Thread(target=record) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    ops = [record.op for record in read_records(recorder.path) if isinstance(record, Op)]
    assert sorted(ops) == list(range(2000))


def test_a_history_that_is_there_is_not_continued(tmp_path: Path) -> None:
    """Appending to another process's history would give two ops one id, so it is refused."""
    path = tmp_path / "history.0.jsonl"
    Recorder(path, HEADER).close()
    with pytest.raises(BadOption, match="use another ordinal"):
        Recorder(path, HEADER)


@pytest.mark.parametrize("ordinal", [-1, 1 << 31])
def test_an_ordinal_out_of_range_is_refused(tmp_path: Path, ordinal: int) -> None:
    """Ids have to fit in 63 bits."""
    with pytest.raises(BadOption, match="ordinal"):
        Recorder(tmp_path / "history.jsonl", HEADER, ordinal)


def test_writing_after_closing_is_an_error(tmp_path: Path) -> None:
    """A record that would be lost is not accepted; closing twice is harmless."""
    recorder = Recorder(tmp_path / "history.0.jsonl", HEADER)
    recorder.close()
    recorder.close()
    with pytest.raises(ValueError, match="after it was closed"):
        recorder.write(Observation("promotion", 90))

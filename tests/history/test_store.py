"""Reading, merging and refusing the files of a history."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Header, Observation, Record
from harness.history.store import MERGED, merge, part, read_case, read_records
from harness.model.errors import UnreadableHistory

HEADER = Header(FORMAT_VERSION, "test_x", "memory", "1", 3, "r3", 7, 100, 200, 42)


def written(directory: Path, ordinal: int, *times: int) -> Path:
    """One process's history: an observation at each time."""
    with Recorder(part(directory, ordinal), HEADER, ordinal) as recorder:
        for time in times:
            recorder.write(Observation(f"of {ordinal}", time))
    return recorder.path


def times(records: list[Record]) -> list[int]:
    """The times of all records but the headers."""
    return [record.time for record in records if not isinstance(record, Header)]


@pytest.mark.parametrize("tail", [b'{"type":"observ', b"{", b'{"type":"observation","name":"x"'])
def test_a_torn_last_line_is_left_out(tmp_path: Path, tail: bytes) -> None:
    """A writer killed in the middle of a line takes that line along, no other."""
    path = written(tmp_path, 0, 1, 2)
    with path.open("ab") as file:
        file.write(tail)
    assert times(list(read_records(path))) == [1, 2]
    assert times(list(read_records(merge(tmp_path)))) == [1, 2]


def test_a_last_line_without_its_newline_counts_if_it_is_whole(tmp_path: Path) -> None:
    """A history that somebody's editor has saved without the final newline is all there."""
    path = written(tmp_path, 0, 1, 2)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert times(list(read_records(path))) == [1, 2]


@pytest.mark.parametrize("damage", [b'{"type":"obs{"type":"observation"}\n', b"\n", b'{"type":"tale"}\n'])
def test_damage_in_the_middle_names_file_and_line(tmp_path: Path, damage: bytes) -> None:
    """What no kill explains is an error, and says where it is."""
    path = written(tmp_path, 0, 1, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], damage, *lines[2:]]))
    with pytest.raises(UnreadableHistory, match=r"history\.0\.jsonl:3: not a record"):
        list(read_records(path))


def test_damage_deep_in_a_long_file_is_counted_from_its_start(tmp_path: Path) -> None:
    """Line numbers hold beyond the first chunk that is read."""
    path = written(tmp_path, 0, *range(30_000))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:29_000], b"}\n", *lines[29_000:]]))
    with pytest.raises(UnreadableHistory, match=r":29001: not a record"):
        list(read_records(path))


def test_a_newer_format_is_refused_in_clear_words(tmp_path: Path) -> None:
    """A history of a later version is refused before any of it is understood wrongly."""
    path = tmp_path / "history.0.jsonl"
    path.write_bytes(b'{"type":"header","format_version":2,"new":1}\n{"type":"novelty"}\n')
    with pytest.raises(UnreadableHistory, match=r"format version 2 is newer than 1.*\nhint: pip install"):
        list(read_records(path))
    with pytest.raises(UnreadableHistory, match="format version 2 is newer"):
        merge(tmp_path)
    assert path.exists()


@pytest.mark.parametrize(
    ("content", "why"), [(b"hello\n", "not a history"), (b'{"type":"observation"}\n', "no header")]
)
def test_a_file_that_is_no_history_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    """Anything that does not open with a header is not read further."""
    path = tmp_path / "history.0.jsonl"
    path.write_bytes(content)
    with pytest.raises(UnreadableHistory, match=why):
        list(read_records(path))


def test_a_history_torn_in_its_header_is_empty(tmp_path: Path) -> None:
    """A process killed while it wrote its first line has recorded nothing."""
    path = tmp_path / "history.0.jsonl"
    path.write_bytes(b'{"type":"head')
    assert list(read_records(path)) == []


def test_merging_orders_by_time_with_headers_first(tmp_path: Path) -> None:
    """The histories of all processes become one, in the order in which things happened."""
    written(tmp_path, 0, 1, 4, 6)
    written(tmp_path, 10, 2, 3, 5)
    written(tmp_path, 2, 7)
    records = list(read_records(merge(tmp_path)))
    assert records[:3] == [HEADER] * 3
    assert times(records) == [1, 2, 3, 4, 5, 6, 7]


def test_merging_leaves_one_file_and_may_be_repeated(tmp_path: Path) -> None:
    """The parts go once the merged history is complete; merging again changes nothing."""
    written(tmp_path, 0, 1)
    merged = merge(tmp_path)
    content = merged.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [MERGED]
    assert merge(tmp_path).read_bytes() == content


def test_a_merge_killed_before_its_end_is_simply_done_again(tmp_path: Path) -> None:
    """Half a compressed file never stands in for the parts."""
    written(tmp_path, 0, 1)
    (tmp_path / f"{MERGED}.tmp").write_bytes(b"half")
    assert times(list(read_case(tmp_path))) == [1]
    assert times(list(read_records(merge(tmp_path)))) == [1]


def test_a_merge_killed_while_removing_the_parts_doubles_nothing(tmp_path: Path) -> None:
    """Parts found beside the merged history are merged in; what is there already is there once."""
    path = written(tmp_path, 0, 1, 3)
    left = path.read_bytes()
    merge(tmp_path)
    path.write_bytes(left)
    written(tmp_path, 1, 2)
    assert times(list(read_case(tmp_path))) == [1, 2, 3]
    assert times(list(read_records(merge(tmp_path)))) == [1, 2, 3]


def test_a_case_reads_the_same_before_and_after_merging(tmp_path: Path) -> None:
    """A run killed half way leaves what a finished one would have."""
    written(tmp_path, 0, 1, 4)
    written(tmp_path, 1, 2, 3)
    before = list(read_case(tmp_path))
    merge(tmp_path)
    assert list(read_case(tmp_path)) == before


def test_no_history_is_an_error_that_says_where(tmp_path: Path) -> None:
    """An empty directory has no verdict."""
    with pytest.raises(UnreadableHistory, match="no history here"):
        merge(tmp_path)
    with pytest.raises(UnreadableHistory, match="no history here"):
        list(read_case(tmp_path))
    with pytest.raises(UnreadableHistory, match="no such file"):
        list(read_records(tmp_path / MERGED))


def test_a_damaged_compressed_file_says_so(tmp_path: Path) -> None:
    """A merged history cut short by something else than us is not read as a short one."""
    path = tmp_path / MERGED
    path.write_bytes(gzip.compress(b"x" * 100_000)[:-20])
    with pytest.raises(UnreadableHistory, match=r"not a history|damaged"):
        list(read_records(path))
    header = b'{"type":"header","format_version":1,"case":"","backend":"","version":"","nodes":1,"tier":"",'
    header += b'"seed":0,"monotonic_ns":0,"wall_ns":0,"pid":1}\n'
    path.write_bytes(gzip.compress(header * 1000)[:-9])
    with pytest.raises(UnreadableHistory, match="the compressed file is damaged"):
        list(read_records(path))

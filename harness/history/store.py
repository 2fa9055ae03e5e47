"""The files of a case's history: read one, merge those of all processes, read a whole case.

A case directory holds ``history.0.jsonl``, ``history.1.jsonl``, ... while the case runs, one a
process (``part``), and ``history.jsonl.gz`` once ``merge`` has run. A merge that was killed
leaves the parts and possibly a ``.tmp`` file, which the next merge replaces. The parts are
removed only after the merged file is complete under its own name; parts found *beside* a merged
file are merged in again, and identical lines (no two records are) collapse.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec

from harness.history.records import FORMAT_VERSION, Record
from harness.model.errors import UnreadableHistory

MERGED = "history.jsonl.gz"
_CHUNK = 1 << 16
"""Bytes: what is decoded at a time stays in the processor's cache; a megabyte takes a third longer."""
_T = TypeVar("_T")


class _Opening(msgspec.Struct, frozen=True):
    """What the first line of a file of any format version is asked for, before all else."""

    type: str = ""
    format_version: int = 0


class _When(msgspec.Struct, frozen=True, gc=False):
    """A record's place in the merged order; a header has no time and goes first."""

    time: int = -1


_RECORDS: msgspec.json.Decoder[Record] = msgspec.json.Decoder(cast("Any", Record))
_WHENS = msgspec.json.Decoder(_When)
_OPENINGS = msgspec.json.Decoder(_Opening)


def part(directory: Path, ordinal: int) -> Path:
    """The file in which process ``ordinal`` of the case records."""
    return directory / f"history.{ordinal}.jsonl"


def read_records(path: Path) -> Iterator[Record]:
    """The records of one file, plain or ``.gz``, in its order, a chunk in memory at a time.

    A torn last line (its writer was killed) is left out. Raises ``UnreadableHistory`` naming file
    and line for anything else that is no record, and for a newer ``format_version``.
    """
    for chunk, number in _chunks(path):
        yield from _decode(_RECORDS, chunk, path, number)


def read_case(directory: Path) -> Iterator[Record]:
    """Every record of a case in the order of time, merged already or not; changes no file.

    Raises ``UnreadableHistory`` as ``merge`` and ``read_records`` do.
    """
    if _parts(directory):
        try:
            yield from map(_RECORDS.decode, _ordered_lines(directory))
        except msgspec.DecodeError as error:  # what has a time and is no record all the same
            raise UnreadableHistory(str(directory), f"not a record: {error}") from error
    else:
        yield from read_records(_files(directory)[0])


def merge(directory: Path) -> Path:
    """Merge a case's files by time into ``history.jsonl.gz`` and return its path; harmless twice.

    Raises ``UnreadableHistory`` when there is no history, or a damaged one; the files then stay.
    """
    merged, parts = directory / MERGED, _parts(directory)
    if merged.exists() and not parts:
        return merged
    _write_compressed(directory / f"{MERGED}.tmp", _ordered_lines(directory)).replace(merged)
    for path in parts:
        path.unlink(missing_ok=True)
    return merged


def _write_compressed(path: Path, lines: list[bytes]) -> Path:
    with path.open("wb") as raw:
        # mtime=0: the same history gives the same bytes.
        with gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as file:
            for start in range(0, len(lines), 1000):
                file.write(b"\n".join(lines[start : start + 1000]) + b"\n")
        raw.flush()
        os.fsync(raw.fileno())
    return path


def _parts(directory: Path) -> list[Path]:
    # By length first, so that process 0, whose header names the case, comes before process 10.
    return sorted(directory.glob("history.*.jsonl"), key=lambda path: (len(path.name), path.name))


def _files(directory: Path) -> list[Path]:
    merged = directory / MERGED
    files = [merged, *_parts(directory)] if merged.exists() else _parts(directory)
    if not files:
        raise UnreadableHistory(str(directory), f"no history here (neither {MERGED} nor history.*.jsonl)")
    return files


def _ordered_lines(directory: Path) -> list[bytes]:
    lines: list[bytes] = []
    times: list[int] = []
    files = _files(directory)
    for path in files:
        for chunk, number in _chunks(path):
            # Every line is parsed, though only its time is kept: damage must not be compressed away.
            times.extend(when.time for when in _decode(_WHENS, chunk, path, number))
            lines.extend(chunk.split(b"\n")[:-1])
    # The sort is stable, and within a file an op's invoke precedes its end: it still does after.
    ordered = [lines[index] for index in sorted(range(len(lines)), key=times.__getitem__)]
    return list(dict.fromkeys(ordered)) if files[0].name == MERGED else ordered


def _chunks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines, a chunk at a time, each with the number of its first line."""
    with _open(path) as file:
        number = 1
        try:
            while chunk := file.read(_CHUNK):
                chunk += file.readline()
                if not chunk.endswith(b"\n"):
                    chunk = _without_torn_line(chunk)
                if number == 1:
                    _check_opening(chunk, path)
                yield chunk, number
                number += chunk.count(b"\n")
        except (EOFError, gzip.BadGzipFile) as error:
            raise UnreadableHistory(str(path), f"the compressed file is damaged: {error}") from error


def _open(path: Path) -> IO[bytes]:
    try:
        return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except FileNotFoundError:
        raise UnreadableHistory(str(path), "no such file") from None


def _without_torn_line(chunk: bytes) -> bytes:
    whole, _, last = chunk.rpartition(b"\n")
    try:
        _RECORDS.decode(last)
    except msgspec.DecodeError:
        return whole + b"\n" if whole else b""
    return chunk + b"\n"


def _check_opening(chunk: bytes, path: Path) -> None:
    if not chunk:
        return  # The writer was killed while it wrote the header: a history of nothing.
    try:
        opening = _OPENINGS.decode(chunk.partition(b"\n")[0])
    except msgspec.DecodeError as error:
        raise UnreadableHistory(f"{path}:1", f"not a history: {error}") from error
    if opening.type != "header":
        raise UnreadableHistory(
            f"{path}:1", f"not a history: its first record is {opening.type!r}, no header"
        )
    if opening.format_version > FORMAT_VERSION:
        raise UnreadableHistory(
            str(path),
            f"format version {opening.format_version} is newer than {FORMAT_VERSION}, "
            "the newest this version reads\nhint: pip install --upgrade broker-harness",
        )


def _decode(decoder: msgspec.json.Decoder[_T], chunk: bytes, path: Path, number: int) -> list[_T]:
    try:
        records = decoder.decode_lines(chunk)
    except msgspec.DecodeError:
        raise _damage(decoder, chunk, path, number) from None
    if len(records) != chunk.count(b"\n"):  # decode_lines passes over empty lines
        raise _damage(decoder, chunk, path, number)
    return records


def _damage(decoder: msgspec.json.Decoder[Any], chunk: bytes, path: Path, number: int) -> UnreadableHistory:
    for offset, line in enumerate(chunk.split(b"\n")):
        try:
            decoder.decode(line)
        except msgspec.DecodeError as error:
            return UnreadableHistory(f"{path}:{number + offset}", f"not a record: {error}: {line[:80]!r}")
    return UnreadableHistory(str(path), "more or fewer records than lines")

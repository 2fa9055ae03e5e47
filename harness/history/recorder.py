"""Writes the history of one process: one append-only file, one ``write(2)`` a record.

What a killed process wrote is there, because nothing is buffered: the kernel has it as soon as
``write`` returns. No ``fsync``: the history has to survive our processes, not a power loss.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from harness.history.records import Header, Record
from harness.model.errors import BadOption

_ORDINAL_BITS = 31
_COUNTER_BITS = 32


class Recorder:
    """The only writer of ``path``, which must not exist yet; its first record is ``header``.

    ``ordinal`` (0 to 2**31 - 1) tells the processes of one case apart: op and process ids carry
    it in their upper bits, so they are unique across files without any process asking another.
    Methods may be called from any thread. Raises ``BadOption`` for an ordinal out of range or a
    file that is there already: appending to it would give two ops one id.
    """

    def __init__(self, path: Path, header: Header, ordinal: int = 0) -> None:
        if not 0 <= ordinal < 1 << _ORDINAL_BITS:
            raise BadOption("ordinal", ordinal, f"0 to {(1 << _ORDINAL_BITS) - 1} is needed")
        self.path = path
        self._encode = msgspec.json.Encoder().encode
        # itertools.count hands each number out once, whichever thread asks: no lock is needed.
        self._ops = itertools.count(ordinal << _COUNTER_BITS)
        self._processes = itertools.count(ordinal << _COUNTER_BITS)
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise BadOption("path", str(path), "a history is there already; use another ordinal") from None
        self.write(header)

    def next_op(self) -> int:
        """An op id that no other op of the case has."""
        return next(self._ops)

    def next_process(self) -> int:
        """A process id that no other process of the case has; take a new one after an ``info``."""
        return next(self._processes)

    def write(self, record: Record) -> None:
        """Append one record; it survives this process once this returns.

        Raises ``OSError`` if the disk is full, ``ValueError`` after ``close``.
        """
        line = self._encode(record) + b"\n"
        if self._fd < 0:
            raise ValueError(f"{self.path}: written to after it was closed")
        written = os.write(self._fd, line)
        if written != len(line):
            self._finish(memoryview(line)[written:])

    def _finish(self, rest: memoryview) -> None:
        # A short write means a disk that is filling up: the next one either fits or says so.
        while rest:
            rest = rest[os.write(self._fd, rest) :]

    def close(self) -> None:
        """Close the file; doing so twice is harmless."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

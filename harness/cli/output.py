"""Where a command writes: data to stdout, progress and hints to stderr."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

FORMAT_VERSION = 1
_WIDTH = 80


def say(line: str) -> None:
    """Write a line of progress."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - the one place that may


def emit(line: str) -> None:
    """Write a line of data."""
    print(line, flush=True)  # noqa: T201 - the one place that may


def emit_json(data: dict[str, Any]) -> None:
    """Write one document, marked with the version of its format."""
    emit(json.dumps({"format_version": FORMAT_VERSION, **data}, indent=2))


def row(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return cells in columns of ``widths``; the last takes the rest of 80, wrapped below itself."""
    head = "".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False))
    wrapped = textwrap.wrap(cells[-1], max(_WIDTH - len(head), 20), break_long_words=False)
    return ("\n" + " " * len(head)).join([head + (wrapped[0] if wrapped else ""), *wrapped[1:]]).rstrip()


def table(rows: Sequence[Sequence[str]], indent: int = 2) -> list[str]:
    """Return rows as lines, each column as wide as its widest cell, two spaces between columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in rows)
    return [(" " * indent + line).rstrip() for line in lines]


def paragraph(text: str, indent: int = 2) -> str:
    """Return lines wrapped to 80 columns and indented; what wraps hangs two further."""
    head, hanging = " " * indent, " " * (indent + 2)
    wrapped = (
        textwrap.wrap(
            line,
            _WIDTH,
            initial_indent=head,
            subsequent_indent=hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )
    return "\n".join("\n".join(lines) for lines in wrapped)


def duration(seconds: float) -> str:
    """Return a span of time in the unit that suits it."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"

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

"""Lines of styled text; a style only repeats what the words already say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

Style = Literal["", "bold", "red", "green", "yellow"]

INDENT = 2
COLUMN = 12


class Span(NamedTuple):
    """A piece of a line."""

    text: str
    style: Style = ""


Line = tuple[Span, ...]


class Writer(Protocol):
    """The part of pytest's terminal writer used here; it drops styles on ``NO_COLOR`` and pipes."""

    @property
    def width_of_current_line(self) -> int: ...
    def write(self, msg: str, *, flush: bool = False, **markup: bool) -> None: ...


def plain(text: str, style: Style = "") -> Line:
    """A line of one piece."""
    return (Span(text, style),)


def write(writer: Writer, lines: Iterable[Line]) -> None:
    """Write each line, with its styles where the terminal has any; begins on a line of its own."""
    if writer.width_of_current_line:
        writer.write("\n")
    for line in lines:
        for text, style in line:
            writer.write(text, **({style: True} if style else {}))
        writer.write("\n")


def field(name: str, value: str, width: int, *, column: int = COLUMN) -> list[Line]:
    """``name   value``, the value wrapped below itself; nothing at all for an empty value."""
    rows = [row for text in value.splitlines() for row in _wrapped(text, width - column)]
    return [plain(f"{name if not number else '':<{column}}{row}") for number, row in enumerate(rows)]


def _wrapped(text: str, width: int) -> list[str]:
    # Paths, commands and addresses are there to be copied: a long word is never broken.
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def as_text(lines: Iterable[Line]) -> str:
    """The words without the styles."""
    return "\n".join("".join(span.text for span in line) for line in lines)

"""The final matrix: scenarios down, clusters across, one word in each cell.

One table for each number of nodes, and more than one where the columns do not fit::

    3 nodes                                        kafka      nats       redis
                                                   4.3.1      2.15.2     8.0.2
                                                   rf3        r3         everysec
    suites/delivery/test_leader.py
      test_acked_messages_survive_leader_loss
        kill(leader)                               ok         ok         allowed
        pause(leader)                              ok         VIOLATION  UNKNOWN

Names are never shortened: one that reaches the cells has its cells on the next line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.reports.result import CaseResult, Verdict
from harness.reports.text import INDENT, Line, Span, Style, plain

CELL_AT_LEAST = 11
NAME_AT_LEAST = 36
GAP = 2
NO_CASE = "-"

STYLES: dict[Verdict, Style] = {
    Verdict.OK: "green",
    Verdict.ALLOWED: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.VIOLATION: "red",
    Verdict.FAILED: "red",
    Verdict.ERROR: "red",
}


class Column(NamedTuple):
    """A cluster, as far as one table tells clusters apart."""

    backend: str
    version: str
    tier: str


class Row(NamedTuple):
    """Where a case stands: its module, its test, the test's own parameters."""

    module: str
    test: str
    parameters: str

    @classmethod
    def of(cls, scenario: str) -> Row:
        """Take a scenario id apart: ``suites.x.test_y::test_z[kill(leader)]``."""
        module, _, rest = scenario.partition("::")
        test, _, parameters = rest.partition("[")
        return cls(module.replace(".", "/") + ".py", test, parameters.removesuffix("]"))


def matrix(results: Sequence[CaseResult], width: int) -> list[Line]:
    """Draw every table, an empty line between two; nothing for no results."""
    lines: list[Line] = []
    for nodes in sorted({result.nodes for result in results}):
        of_size = [result for result in results if result.nodes == nodes]
        columns = sorted({_column(result) for result in of_size})
        cell = max(CELL_AT_LEAST, *(len(part) + 1 for column in columns for part in column))
        at_most = max(1, (width - NAME_AT_LEAST) // cell)
        for start in range(0, len(columns), at_most):
            if lines:
                lines.append(())
            lines.extend(_table(of_size, columns[start : start + at_most], cell, width))
    return lines


def _column(result: CaseResult) -> Column:
    return Column(result.backend, result.version, result.tier)


def _table(results: Sequence[CaseResult], columns: Sequence[Column], cell: int, width: int) -> Iterator[Line]:
    nodes = results[0].nodes
    cells: dict[Row, dict[Column, Verdict]] = {}
    for result in results:
        if _column(result) in columns:
            cells.setdefault(Row.of(result.scenario), {})[_column(result)] = result.verdict
    longest = max(len(_name(row)) for row in cells)
    name_width = min(width - cell * len(columns), max(NAME_AT_LEAST, longest + GAP))
    yield from _heading(f"{nodes} node{'s' * (nodes != 1)}", columns, cell, name_width)
    above = Row("", "", "")
    for row in _grouped(cells):
        verdicts = [cells[row].get(column) for column in columns]
        yield from _label(row, above, name_width)
        yield (Span(_beside(row, name_width)), *_cells(verdicts, cell))
        above = row


def _grouped(rows: dict[Row, dict[Column, Verdict]]) -> list[Row]:
    # Cases arrive sorted by cluster; a table is read by module and test, in the order first met.
    modules = list(dict.fromkeys(row.module for row in rows))
    tests = list(dict.fromkeys(row[:2] for row in rows))
    return sorted(rows, key=lambda row: (modules.index(row.module), tests.index(row[:2])))


def _heading(title: str, columns: Sequence[Column], cell: int, name_width: int) -> Iterator[Line]:
    for number, parts in enumerate(zip(*columns, strict=True)):
        name = title if number == 0 else ""
        text = f"{name:<{name_width}}" + "".join(f"{part:<{cell}}" for part in parts)
        if text.strip():
            yield plain(text.rstrip(), "bold")


def _label(row: Row, above: Row, name_width: int) -> Iterator[Line]:
    """What has to be said once before a row, and a name that would run into its cells."""
    if row.module != above.module:
        yield plain(row.module)
    if row[:2] != above[:2] and row.parameters:
        yield plain(" " * INDENT + row.test)
    if len(_name(row)) >= name_width:
        yield plain(_name(row))


def _beside(row: Row, name_width: int) -> str:
    name = _name(row)
    return f"{name if len(name) < name_width else '':<{name_width}}"


def _name(row: Row) -> str:
    return " " * INDENT * 2 + row.parameters if row.parameters else " " * INDENT + row.test


def _cells(verdicts: Sequence[Verdict | None], cell: int) -> Iterator[Span]:
    last = len(verdicts) - 1
    for number, verdict in enumerate(verdicts):
        word = NO_CASE if verdict is None else str(verdict)
        yield Span(word, STYLES.get(verdict, "") if verdict else "")
        if number != last:
            yield Span(" " * (cell - len(word)))

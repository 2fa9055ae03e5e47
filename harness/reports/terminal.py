"""What the terminal shows of a run: the header, the unknown verdicts, the matrix and its notes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.reports.allowed import allowed
from harness.reports.events import Event, RunBegun, RunEnded
from harness.reports.ledger import Ledger
from harness.reports.matrix import matrix
from harness.reports.recovery import slowest_recoveries
from harness.reports.skips import skips
from harness.reports.text import Line, Writer, plain, write

Rule = Callable[[str], None]


class TerminalReport:
    """Prints the header when a run begins and the matrix when it has ended.

    ``rule`` draws a titled line across the terminal; ``width`` is asked anew each time, because
    a terminal can be resized. Draws from ``ledger``, which has to handle each event first.
    """

    def __init__(self, writer: Writer, rule: Rule, width: Callable[[], int], ledger: Ledger) -> None:
        self._writer = writer
        self._rule = rule
        self._width = width
        self._ledger = ledger

    def handle(self, event: Event) -> None:
        """Print what an event calls for."""
        match event:
            case RunBegun(lines):
                write(self._writer, map(plain, lines))
            case RunEnded():
                self._print_ending()
            case _:
                pass

    def _print_ending(self) -> None:
        results, width = self._ledger.results, self._width()
        self._section("matrix", matrix(results, width))
        self._section("skipped", skips(results))
        self._section("allowed anomalies, and who allows them", allowed(results, width))
        self._section("slowest recoveries", slowest_recoveries(results))

    def _section(self, title: str, lines: Iterable[Line]) -> None:
        lines = list(lines)
        if lines:
            self._rule(title)
            write(self._writer, lines)

"""Reporting cases: in the controller, or in the one process without xdist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _pytest.junitxml import xml_key

from harness.plugin.session import Session
from harness.reports.failure import TITLE, failure_block
from harness.reports.junit import properties
from harness.reports.result import CaseResult, Verdict
from harness.reports.text import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPLAINED = frozenset({Verdict.VIOLATION, Verdict.FAILED, Verdict.ERROR, Verdict.UNKNOWN})

STATUSES: dict[Verdict, tuple[str, str, tuple[str, Mapping[str, bool]]]] = {
    Verdict.ALLOWED: ("allowed", "a", ("ALLOWED", {"yellow": True})),
    Verdict.UNKNOWN: ("unknown", "?", ("UNKNOWN", {"yellow": True})),
    Verdict.VIOLATION: ("failed", "V", ("VIOLATION", {"red": True})),
}
"""Category, letter and word; the rest are pytest's own."""


class Reporting:
    """The hooks of a process with a terminal; registered at the first sign of a case."""

    def __init__(self, session: Session, config: pytest.Config) -> None:
        self._session = session
        self._config = config

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take in a case's result, and explain it in the failure that pytest prints."""
        result = result_on(report)
        if result is None:
            return
        self._session.took_in(result)
        if result.verdict in EXPLAINED:
            width = self._config.get_terminal_writer().fullwidth
            report.sections.append((TITLE, as_text(failure_block(result, width))))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(
        self, report: pytest.CollectReport | pytest.TestReport
    ) -> tuple[str, str, str | tuple[str, Mapping[str, bool]]] | None:
        """Name the verdicts that pytest has no word for; ``report.outcome`` stays what it was."""
        # An unknown verdict stays a failure there: else pytest exits with 0 and JUnit shows a pass.
        result = None if hasattr(report, "wasxfail") else result_on(report)
        return STATUSES.get(result.verdict) if result else None

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Report a case whose worker died as unknown: its report comes from xdist and knows nothing."""
        result = self._session.lost(crashitem, str(report.longrepr))
        if result is not None:
            report.harness = result.as_data()  # type: ignore[attr-defined]
            self._write_properties(report, result)

    def _write_properties(self, report: pytest.TestReport, result: CaseResult) -> None:
        # pytest writes a test's properties after its teardown, which this one never had.
        if xml_key in self._config.stash:
            testcase = self._config.stash[xml_key].node_reporter(report)
            for name, value in properties(result):
                testcase.add_property(name, value)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """End the run, after fixtures and workers have ended; on Ctrl-C too."""
        self._session.end()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the unknown verdicts, which pytest does not count as failures, and the matrix."""
        reports = terminalreporter.getreports("unknown")
        if reports:
            terminalreporter.write_sep("=", "UNKNOWN")
        for report in reports:
            # xdist's report of a crash has the file for a headline.
            terminalreporter.write_sep("_", report.nodeid.partition("::")[2], yellow=True, bold=True)
            for title, content in report.sections:
                terminalreporter.write_sep("-", title)
                terminalreporter.write_line(content.removesuffix("\n"))
        self._session.summarize()


def result_on(report: pytest.CollectReport | pytest.TestReport) -> CaseResult | None:
    """The case's result that a report carries; ``None`` for a test of somebody else."""
    data = getattr(report, "harness", None)
    return CaseResult.from_data(data) if isinstance(data, dict) else None

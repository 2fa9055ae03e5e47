"""Every case of a run and its verdict so far: what the other reports are drawn from."""

from __future__ import annotations

from dataclasses import replace

from harness.reports.events import CaseReported, CasesPlanned, Event, WorkerDied
from harness.reports.result import CaseResult, Verdict


class Ledger:
    """Keeps one result for each case; of several on one case the most serious stands."""

    def __init__(self) -> None:
        self._results: dict[str, CaseResult] = {}

    def handle(self, event: Event) -> None:
        """Take in what an event says about cases."""
        match event:
            case CasesPlanned(cases):
                for planned in cases:
                    self._results.setdefault(planned.nodeid, planned)
            case CaseReported(result):
                self._enter(result)
            case WorkerDied(nodeid, detail):
                self._enter(self.lost(nodeid, detail))
            case _:
                pass

    def lost(self, nodeid: str, detail: str) -> CaseResult:
        """The case that a dead worker was running; raises ``KeyError`` if ``nodeid`` is no case."""
        sentence = f"worker died: {detail}"
        return replace(self._results[nodeid], verdict=Verdict.UNKNOWN, sentence=sentence)

    def is_case(self, nodeid: str) -> bool:
        """Whether ``nodeid`` is one of the planned cases."""
        return nodeid in self._results

    @property
    def results(self) -> tuple[CaseResult, ...]:
        """All cases, in the order they were planned."""
        return tuple(self._results.values())

    def _enter(self, result: CaseResult) -> None:
        before = self._results.get(result.nodeid)
        if before is None or result.verdict.weight >= before.verdict.weight:
            self._results[result.nodeid] = result

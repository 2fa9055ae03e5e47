"""One test session that has cases: what was chosen, what is planned, its run and its reports.

Made at the first sign of a case, never before. In a process that both collects and runs, it does
everything; under xdist a worker's plans, runs and judges, and the controller's begins and ends
the run and reports (see ``harness.plugin.meeting`` for how they find each other).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.model.errors import HarnessError
from harness.plugin.markers import deadline_of, wanted_by
from harness.plugin.meeting import Meeting
from harness.plugin.selection import DEFAULT_BACKENDS, NONE, Column, Selection
from harness.reports.events import CaseReported, CasesPlanned, EventStream, RunBegun, RunEnded, WorkerDied
from harness.reports.header import Circumstances, header
from harness.reports.ledger import Ledger
from harness.reports.result import CaseResult
from harness.reports.terminal import TerminalReport

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from harness.scenario.case_spec import CaseSpec
    from harness.scenario.run import Run

PLAN: pytest.StashKey[CaseResult] = pytest.StashKey()
"""On an item: the case that it is, and from its first report on how it went."""


class Session:
    """Made once per process; ``meet`` has to be called under xdist, before anything else."""

    def __init__(self, config: pytest.Config, seed: int) -> None:
        self.selection = chosen(config)
        self.deadline = float(config.getini("harness_deadline"))
        if self.deadline <= 0:
            raise pytest.UsageError("harness_deadline: a positive number of seconds is needed")
        self._config = config
        self._seed = seed
        self._meeting: Meeting | None = None
        self._run: Run | None = None
        self._cases: list[CaseResult] = []
        self._ledger = Ledger()
        self._stream = EventStream(self._ledger, *_terminal(config, self._ledger))

    def meet(self, place: Path) -> None:
        """Under xdist: say where controller and workers meet."""
        self._meeting = Meeting(place)

    def parameters(self, test: pytest.Item) -> list[ParameterSet]:
        """The clusters that a test runs on, at least one; a bad marker is an error of its collection."""
        try:
            deadline_of(test, self.deadline)
            columns = self.selection.columns(wanted_by(test))
        except HarnessError as error:
            raise pytest.Collector.CollectError(f"{test.nodeid}: {error}") from None
        # pytest would run, and skip, a test without any parameter: the stand-in is deselected instead.
        return [_parameter(column) for column in columns] or [pytest.param(NONE, id=pytest.HIDDEN_PARAM)]

    def plan(self, items: Sequence[pytest.Function]) -> None:
        """Take down every case that was collected, in the order they will run."""
        from harness.plugin.outcome import planned  # noqa: PLC0415 - the judge is not needed to collect nothing

        for item in items:
            column = item.callspec.params["case"]
            assert isinstance(column, Column)
            item.stash[PLAN] = planned(item, column, self._seed, _options(self._config, column))
            self._cases.append(item.stash[PLAN])

    def tell_controller(self) -> None:
        """On a worker: the controller hears of cases this way only."""
        if self._meeting and self._cases:
            self._meeting.leave_cases([case.as_data() for case in self._cases])

    def begin(self) -> None:
        """Where the run belongs to this process: begin it and say so; ends pytest if that fails."""
        if self._run is not None:
            return
        if self._meeting:
            self._cases = [CaseResult.from_data(data) for data in self._meeting.cases()]
        try:
            engine = _engine(self.selection)
            self._run = _begin(self._config, self._seed, containers=bool(engine))
        except HarnessError as error:
            raise pytest.UsageError(str(error)) from None
        if self._meeting:
            self._meeting.leave_run(self._run.as_dict())
        self._stream.emit(CasesPlanned(tuple(self._cases)))
        self._stream.emit(RunBegun(tuple(header(self._circumstances(engine, self._run)))))

    @property
    def run(self) -> Run:
        """The run of which a case is part; a worker joins it at its first case."""
        if self._run is None:
            from harness.scenario.run import Run  # noqa: PLC0415 - brings the engine

            assert self._meeting is not None
            self._run = Run.join(self._meeting.run())
        return self._run

    def spec(self, item: pytest.Item) -> CaseSpec:
        """What ``open_case`` has to be told."""
        from harness.scenario.case_spec import CaseSpec  # noqa: PLC0415 - another project never gets here

        case = item.stash[PLAN]
        storage = item.callspec.params["case"].storage  # type: ignore[attr-defined]
        return CaseSpec(case.scenario, case.backend, case.version, case.nodes, case.tier, case.seed, storage)

    def took_in(self, result: CaseResult) -> None:
        """Hand on what a case has to say."""
        self._stream.emit(CaseReported(result))

    def lost(self, nodeid: str, detail: str) -> CaseResult | None:
        """A worker died while it ran ``nodeid``: the case's result, ``None`` if it was no case."""
        if not self._ledger.is_case(nodeid):
            return None
        self._stream.emit(WorkerDied(nodeid, detail))
        return self._ledger.lost(nodeid, detail)

    def end(self) -> None:
        """Where the run belongs to this process: take away everything it owns."""
        if self._meeting:
            self._meeting.end()
        if self._run is not None:
            self._run.end()

    def summarize(self) -> None:
        """Print what is to be read at the end."""
        if self._ledger.results:
            self._stream.emit(RunEnded())

    def _circumstances(self, engine: str, run: Run) -> Circumstances:
        option = self._config.option
        workers = len(option.tx) if self._meeting else 1
        backends = [f"{c.backend.name} {c.version}".strip() for c in self.selection.choices]
        return Circumstances(engine, backends, self._seed, run.directory, str(workers), option.harness_keep)


def _parameter(column: Column) -> ParameterSet:
    marks = [pytest.mark.skip(reason=column.skip)] if column.skip else []
    return pytest.param(column, id=column.id, marks=marks)


def chosen(config: pytest.Config) -> Selection:
    """What the options and the ini file choose; raises ``UsageError`` with "did you mean"."""
    option = config.option
    backends = option.harness_backends or config.getini("harness_backends") or DEFAULT_BACKENDS
    try:
        return Selection.parse(backends, option.harness_nodes or (), option.harness_tiers or ())
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from None


def _begin(config: pytest.Config, seed: int, *, containers: bool) -> Run:
    from harness.scenario.run import Run  # noqa: PLC0415 - brings the engine

    option = config.option
    runs_dir = config.invocation_params.dir / option.harness_runs_dir
    return Run.begin(runs_dir, seed, keep=option.harness_keep, containers=containers)


def _engine(selection: Selection) -> str:
    """The engine and its version, or nothing if no chosen backend runs in containers."""
    if not any(hasattr(choice.backend, "blueprint") for choice in selection.choices):
        return ""
    from harness.engine.discovery import connect  # noqa: PLC0415 - brings docker

    return f"{connect().version()['Version']} at {os.environ['DOCKER_HOST']}"


def _options(config: pytest.Config, column: Column) -> list[str]:
    """The options without which another run would not collect the case."""
    options = []
    if column.text not in (config.getini("harness_backends") or DEFAULT_BACKENDS):
        options += ["--backend", column.text]
    if config.option.harness_tiers:
        options += ["--tier", column.tier]
    return options


def _terminal(config: pytest.Config, ledger: Ledger) -> Sequence[TerminalReport]:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return ()
    writer = config.get_terminal_writer()

    def rule(title: str) -> None:
        reporter.write_sep("=", title)

    width: Callable[[], int] = lambda: int(writer.fullwidth)  # noqa: E731
    return (TerminalReport(writer, rule, width, ledger),)

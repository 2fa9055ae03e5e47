"""Collecting and running cases: in a worker, or in the one process without xdist."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from anyio import CancelScope

from harness.model.errors import DeadlineExceeded, VerdictUnknown, ViolationFound
from harness.plugin.deadline import GRACE, SETUP_WITHIN, bounded, hard_exit
from harness.plugin.markers import deadline_of
from harness.plugin.selection import NONE, Column
from harness.plugin.session import PLAN, Session
from harness.reports.junit import PROPERTIES, properties

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from harness.scenario.case import Case

CASE: pytest.StashKey[Case] = pytest.StashKey()
"""On an item: the case, from when it is opened until after it has reported."""


def is_case(item: pytest.Item) -> bool:
    """Whether ``item`` was parametrized by this plugin, and not by a ``case`` of somebody else."""
    callspec = getattr(item, "callspec", None)
    return callspec is not None and isinstance(callspec.params.get("case"), Column)


class Running:
    """The hooks of a process that runs cases; registered at the first sign of one."""

    def __init__(self, session: Session, *, owns_run: bool) -> None:
        self._session = session
        self._owns_run = owns_run

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Mark the test for anyio, as its author would have to: ``-m anyio`` selects it then."""
        if is_case(item):
            item.add_marker("anyio")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what was not chosen; bring cases of one cluster together, others stay in place."""
        unwanted = [item for item in items if _is_placeholder(item)]
        if unwanted:
            config.hook.pytest_deselected(items=unwanted)
            items[:] = [item for item in items if not _is_placeholder(item)]
        cases = [item for item in items if is_case(item) and isinstance(item, pytest.Function)]
        in_order = iter(sorted(cases, key=_cluster))
        items[:] = [next(in_order) if is_case(item) else item for item in items]
        self._session.plan([item for item in items if is_case(item) and isinstance(item, pytest.Function)])

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin the run if it is ours to begin, else tell who does that there are cases."""
        # First, because xdist's own hook reports the collection as finished.
        if not any(map(is_case, session.items)) or session.config.option.collectonly:
            return
        if not self._owns_run:
            self._session.tell_controller()
        elif not session.testsfailed or session.config.option.continue_on_collection_errors:
            self._session.begin()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """Booting and leasing have deadlines of their own; this is for when they hang."""
        with _guarded(item, SETUP_WITHIN):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """End the process if the case cannot be ended."""
        with _guarded(item, deadline_of(item, self._session.deadline) + GRACE):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        """Healing is never cancelled, so only this ends one that hangs."""
        with _guarded(item, deadline_of(item, self._session.deadline) + GRACE):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Run the test within its deadline, then judge it: a verdict is the test's own outcome."""
        case = pyfuncitem.stash.get(CASE, None)
        if case is None:
            return (yield)
        seconds = deadline_of(pyfuncitem, self._session.deadline)
        with _replaced(pyfuncitem, lambda test: bounded(test, case, seconds)):
            result = yield
        case.conclude()
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the case's result on the report, in plain values, so that it reaches the controller."""
        report = yield
        if PLAN in item.stash:
            _tell(item, call, report)
        return report


@asynccontextmanager
async def opened(request: pytest.FixtureRequest, session: Session) -> AsyncIterator[Case]:
    """Open the case of the requesting test, and heal and hand back its cluster whatever happens."""
    from harness.scenario.run import open_case  # noqa: PLC0415 - only when the first case really runs

    manager = open_case(session.spec(request.node), session.run)
    case = await manager.__aenter__()
    request.node.stash[CASE] = case
    try:
        yield case
    finally:
        # Shielded: under cancellation every await here would be skipped, and the faults stay.
        with CancelScope(shield=True):
            await manager.__aexit__(None, None, None)


def _is_placeholder(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and hasattr(item, "callspec")
        and item.callspec.params.get("case") is NONE
    )


def _cluster(item: pytest.Function) -> tuple[str, str, int, str, str]:
    column = item.callspec.params["case"]
    assert isinstance(column, Column)
    return column.backend, column.version, column.nodes, column.tier, column.storage


def _guarded(item: pytest.Item, seconds: float) -> AbstractContextManager[None]:
    # Somebody who is looking at a case in a debugger wants it to wait.
    if not is_case(item) or item.config.option.usepdb:
        return nullcontext()
    return hard_exit(item.config, seconds)


@contextmanager
def _replaced(item: pytest.Function, change: Callable[[Any], Any]) -> Iterator[None]:
    """Let ``item`` call a changed test meanwhile; leaves it alone under a debugger."""
    original = item.obj
    if inspect.iscoroutinefunction(original) and not item.config.option.usepdb:
        item.obj = change(original)
    try:
        yield
    finally:
        item.obj = original


def _tell(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    from harness.plugin.outcome import Told, concluded  # noqa: PLC0415 - brings the judge

    case = item.stash.get(CASE, None)
    told = Told() if case is None else Told(case.judgement, case.directory)
    error = call.excinfo.value if call.excinfo else None
    result = concluded(item.stash[PLAN], report, error, told)
    if result is None:
        return
    if result.verdict.weight >= item.stash[PLAN].verdict.weight:
        item.stash[PLAN] = result
    if isinstance(error, (ViolationFound, VerdictUnknown, DeadlineExceeded)) and report.failed:
        report.longrepr = _brief(error, result.sentence, item.config)
    others = [pair for pair in item.user_properties if pair[0] not in PROPERTIES]
    item.user_properties[:] = [*others, *properties(item.stash[PLAN])]
    report.user_properties = list(item.user_properties)
    report.harness = result.as_data()  # type: ignore[attr-defined]


def _brief(error: BaseException, sentence: str, config: pytest.Config) -> Any:
    """The verdict instead of a traceback through the harness, unless every frame was asked for."""
    info = pytest.ExceptionInfo.from_exception(error)
    if config.option.fulltrace:
        return info.getrepr()
    # What is raised carries the whole judgement, which has a block of its own.
    told = type(error)(sentence) if isinstance(error, (ViolationFound, VerdictUnknown)) else error
    brief = pytest.ExceptionInfo.from_exception(told.with_traceback(error.__traceback__)).getrepr(
        style="value"
    )
    if brief.reprcrash is not None:
        brief.reprcrash.message = sentence
    return brief

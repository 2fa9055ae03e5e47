"""What happens in a run, as events; everything that reports is a small handler of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.reports.result import CaseResult


@dataclass(frozen=True, slots=True)
class RunBegun:
    """Nothing has run yet; ``lines`` say with what and where it will."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CasesPlanned:
    """Every case of the run, none of which has run yet."""

    cases: tuple[CaseResult, ...]


@dataclass(frozen=True, slots=True)
class CaseReported:
    """A case has come to an end, or a later phase of it has something to add."""

    result: CaseResult


@dataclass(frozen=True, slots=True)
class WorkerDied:
    """A worker process was lost in the middle of the case ``nodeid``."""

    nodeid: str
    detail: str


@dataclass(frozen=True, slots=True)
class RunEnded:
    """No more cases will be reported."""


Event = RunBegun | CasesPlanned | CaseReported | WorkerDied | RunEnded


class Handler(Protocol):
    """Something that reports; it ignores the events that mean nothing to it."""

    def handle(self, event: Event) -> None: ...


class EventStream:
    """Hands every event to every handler, in the handlers' order."""

    def __init__(self, *handlers: Handler) -> None:
        self._handlers = handlers

    def emit(self, event: Event) -> None:
        """Tell every handler."""
        for handler in self._handlers:
            handler.handle(event)

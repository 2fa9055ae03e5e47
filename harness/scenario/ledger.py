"""Writing down what is not an operation: phases, faults, and what was observed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.history.recorder import Recorder
from harness.history.records import FaultRecord, FaultStage, Observation, PhaseRecord


class Ledger:
    """The case's own hand in its history; remembers the phase for errors that must name it."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._faults = 0
        self.phase_now = "setup"

    @contextmanager
    def phase(self, name: str, detail: str = "") -> Iterator[None]:
        """Mark where a phase begins and ends."""
        before, self.phase_now = self.phase_now, name
        self._recorder.write(PhaseRecord(name, time.monotonic_ns(), begins=True, detail=detail))
        try:
            yield
        finally:
            self._recorder.write(PhaseRecord(name, time.monotonic_ns(), begins=False))
            self.phase_now = before

    def next_fault(self) -> int:
        """The number of the next fault of this case."""
        self._faults += 1
        return self._faults

    def fault(self, number: int, fault: object, stage: FaultStage, **fields: Any) -> None:
        """Write down a step in the life of a fault."""
        self._recorder.write(FaultRecord(number, str(fault), stage, time.monotonic_ns(), **fields))

    def observe(self, name: str, **fields: Any) -> None:
        """Write down something seen."""
        self._recorder.write(Observation(name, time.monotonic_ns(), **fields))

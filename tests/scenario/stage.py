"""Playing a scenario on the memory broker, sound or broken, and keeping what came of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.backends.memory import MemoryBackend
from harness.backends.memory.broker import Broker
from harness.checkers.judge import Judgement, Verdict
from harness.history.records import Record
from harness.history.store import read_case
from harness.model.claim import Guarantee
from harness.model.errors import VerdictUnknown, ViolationFound
from harness.scenario.case import Case
from harness.scenario.case_spec import CaseSpec
from tests.scenario.virtual_time import run_at_once

Scenario = Callable[[Case], Awaitable[None]]


@asynccontextmanager
async def opened(
    directory: Path,
    *,
    broker: type[Broker] = Broker,
    nodes: int = 3,
    seed: int = 1,
    backend: MemoryBackend | None = None,
) -> AsyncIterator[Case]:
    """A case on a simulated cluster of its own, without run, pool and janitor."""
    backend = backend or MemoryBackend(broker=broker)
    spec = CaseSpec("scenario", "memory", "1", nodes, backend.tiers(nodes)[0], seed)
    cluster = backend.start(spec.cluster_spec, "tests")
    cluster.fabric.clock = time.monotonic  # as it is now: its own was looked up when it was imported
    case = Case(spec, backend, cluster, directory)
    try:
        async with case.open():
            yield case
    finally:
        cluster.remove()


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a scenario: the error it ended with, the judgement, and the whole history."""

    error: Exception | None
    judgement: Judgement
    records: tuple[Record, ...]

    @property
    def violated(self) -> frozenset[Guarantee]:
        """The guarantees of which violations were found."""
        findings = self.judgement.findings
        return frozenset(each.anomaly.guarantee for each in findings if each.verdict is Verdict.VIOLATION)

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}\n{self.judgement}"


def play(scenario: Scenario, broker: type[Broker] = Broker, *, nodes: int = 3, seed: int = 1) -> Played:
    """Play a scenario to its end, or to its failure, in no time; judge what was recorded either way."""
    with tempfile.TemporaryDirectory() as directory:
        error, judgement = run_at_once(lambda: _play(scenario, Path(directory), broker, nodes, seed), seed)
        return Played(error, judgement, tuple(read_case(Path(directory))))


async def _play(
    scenario: Scenario, directory: Path, broker: type[Broker], nodes: int, seed: int
) -> tuple[Exception | None, Judgement]:
    async with opened(directory, broker=broker, nodes=nodes, seed=seed) as case:
        error: Exception | None = None
        try:
            await scenario(case)
        except Exception as caught:  # noqa: BLE001 - however it fails is what is asked for
            error = caught
        try:
            return error, case.conclude()
        except (ViolationFound, VerdictUnknown):
            assert case.judgement is not None
            return error, case.judgement

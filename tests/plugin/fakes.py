"""Three backends that are only named, and a run whose cases end as the test says: no broker, no engine.

Loaded with ``-p fakes`` into the pytest under test, in its workers too. A test tells its case how it
is to end by ``case.ends(verdict, ...)``; what the run did is written to ``run.log``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import harness.backends
from harness.checkers.anomaly import Anomaly
from harness.checkers.judge import Finding, Judgement, Verdict
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Header, Observation
from harness.history.store import part
from harness.model.capability import Capability
from harness.model.claim import Claim, Guarantee, Promise
from harness.model.errors import MissingExtra, VerdictUnknown, ViolationFound

TIERS: dict[str, dict[int, tuple[str, ...]]] = {
    "nats": {1: ("r1", "r1-always"), 3: ("r3", "r1")},
    "kafka": {1: ("rf1",), 3: ("rf3",)},
    "redis": {1: ("everysec", "always"), 3: ("everysec", "wait")},
    "memory": {1: ("memory",)},
}


@dataclass(frozen=True)
class FakeBackend:
    """Everything that selecting needs of a backend."""

    name: str
    capabilities: frozenset[Capability]

    @property
    def node_counts(self) -> tuple[int, ...]:
        return tuple(TIERS[self.name])

    def tiers(self, nodes: int) -> tuple[str, ...]:
        return TIERS[self.name][nodes]

    def missing_extra(self) -> str:
        """As a real one says it, of the one backend that a test has named in the environment."""
        missing = self.name == os.environ.get(UNINSTALLED)
        return str(MissingExtra(self.name, f"{self.name}-client")) if missing else ""


UNINSTALLED = "FAKES_UNINSTALLED"

EVERYTHING = frozenset(Capability)
NATS = FakeBackend("nats", EVERYTHING)
KAFKA = FakeBackend("kafka", EVERYTHING - {Capability.LEASE, Capability.NAK})
REDIS = FakeBackend("redis", EVERYTHING)
MEMORY = FakeBackend("memory", EVERYTHING)


def log(line: str) -> None:
    """Note what a run did, for the test that looks at it from outside."""
    with Path("run.log").open("a") as file:
        file.write(line + "\n")


class FakeRun:
    """A run that only makes its directory."""

    def __init__(self, directory: Path, seed: int, *, keep: bool) -> None:
        self.directory = directory
        self.seed = seed
        self.keep = keep

    @classmethod
    def begin(
        cls,
        runs_dir: Path,
        seed: int,
        *,
        keep: bool = False,
        containers: bool = True,  # noqa: ARG003 - the real one's
    ) -> FakeRun:
        log("begun")
        (runs_dir / "20260102-030405-abcdef").mkdir(parents=True)
        return cls(runs_dir / "20260102-030405-abcdef", seed, keep=keep)

    @classmethod
    def join(cls, data: dict[str, Any]) -> FakeRun:
        log("joined")
        return cls(Path(data["directory"]), data["seed"], keep=data["keep"])

    def as_dict(self) -> dict[str, Any]:
        return {"directory": str(self.directory), "seed": self.seed, "keep": self.keep}

    def end(self) -> None:
        log("ended")


class FakeCase:
    """A case without a cluster that is judged as it was told to be."""

    def __init__(self, spec: Any, directory: Path) -> None:
        self.spec = spec
        self.directory = directory
        self.phase_now = "setup"
        self.judgement: Judgement | None = None
        self._ending: tuple[str, str] = ("ok", "")

    def __repr__(self) -> str:
        return f"<case on {self.spec.cluster_spec}>"

    def ends(self, verdict: str, summary: str = "") -> None:
        """Tell how the case will be judged."""
        self._ending = (verdict, summary)

    def check(self) -> Judgement:
        """Judge, and raise what the verdict calls for."""
        verdict, summary = Verdict(self._ending[0]), self._ending[1]
        findings = () if verdict in {Verdict.OK, Verdict.UNKNOWN} else (_finding(verdict, summary),)
        self.judgement = Judgement(verdict, findings, (summary,) if verdict is Verdict.UNKNOWN else ())
        if verdict is Verdict.VIOLATION:
            raise ViolationFound(str(self.judgement))
        if verdict is Verdict.UNKNOWN:
            raise VerdictUnknown(str(self.judgement))
        return self.judgement

    def conclude(self) -> Judgement:
        """Judge unless that is done."""
        return self.judgement or self.check()


def _finding(verdict: Verdict, summary: str) -> Finding:
    promise = Promise.NOT_PROMISED if verdict is Verdict.ALLOWED else Promise.PROMISED
    quote = "Acknowledged means written, as far as the vendor's own documentation is concerned"
    claim = Claim(Guarantee.NO_LOSS, promise, "https://vendor.example/durability", quote)
    messages = tuple(f"p1-{number}" for number in range(1, 8))
    anomaly = Anomaly(guarantee=Guarantee.NO_LOSS, summary=summary, messages=messages, evidence=(4, 17))
    return Finding(anomaly, verdict, claim, f"{promise} by {claim.source}")


def _record(spec: Any, directory: Path) -> None:
    """Leave a history with one recovery, the slower the more nodes there are."""
    opening = Header(
        FORMAT_VERSION, spec.scenario, spec.backend, spec.version, spec.nodes, spec.tier, spec.seed, 1, 1, 1
    )
    with Recorder(part(directory, spec.nodes), opening) as recorder:
        recorder.write(Observation("recovery", 2, value=1.5 * spec.nodes + len(spec.backend) / 10))


@asynccontextmanager
async def open_case(spec: Any, run: FakeRun) -> AsyncIterator[FakeCase]:
    """Open a case, and say when it was healed."""
    directory = run.directory / spec.backend / spec.directory_name
    directory.mkdir(parents=True, exist_ok=True)
    _record(spec, directory)
    log(f"opened {spec.cluster_spec} {spec.scenario}")
    try:
        yield FakeCase(spec, directory)
    finally:
        log(f"healed {spec.cluster_spec}")


_patch = pytest.MonkeyPatch()
_run = ModuleType("harness.scenario.run")
_run.__dict__.update(Run=FakeRun, open_case=open_case)
_patch.setitem(sys.modules, "harness.scenario.run", _run)
_patch.setattr(
    harness.backends,
    "BACKENDS",
    tuple((name, f"{__name__}:{name.upper()}") for name in ("memory", "nats", "kafka", "redis")),
)


def pytest_unconfigure() -> None:
    """Leave the process as it was: the tests of this plugin may run inside another pytest."""
    _patch.undo()

"""The case's files and its judgement: what was recorded, merged, judged and written beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from harness.backends.contract import Backend
from harness.checkers.anomaly import Checker
from harness.checkers.judge import Judgement, Verdict, judge
from harness.checkers.registry import ALWAYS
from harness.checkers.stored import stored
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Header
from harness.history.store import merge, part, read_case
from harness.history.view import History
from harness.model.errors import VerdictUnknown, ViolationFound
from harness.scenario.case_spec import CaseSpec

CLIENT_LIBRARIES = ("nats-py", "confluent-kafka", "redis")


class Docket:
    """Holds the recorder of the case's own process, and judges once traffic is over."""

    def __init__(self, spec: CaseSpec, backend: Backend, directory: Path, images: dict[str, str]) -> None:
        self.directory = directory
        self.header = _header(spec, images)
        self.judgement: Judgement | None = None
        self._backend = backend
        self._tier = spec.tier
        self._checkers: list[Checker] = list(ALWAYS)
        directory.mkdir(parents=True, exist_ok=True)
        self.recorder = Recorder(part(directory, 0), self.header)

    def judge(self, checkers: Sequence[Checker]) -> Judgement:
        """Judge what is recorded so far by these checkers and those that are always asked.

        Raises ``ViolationFound`` or ``VerdictUnknown`` for those verdicts.
        """
        self._checkers += [checker for checker in checkers if checker not in self._checkers]
        history = History(read_case(self.directory))
        self.judgement = judge(history, self._checkers, self._backend.claims, self._tier)
        self._write_verdict()
        if self.judgement.verdict is Verdict.VIOLATION:
            raise ViolationFound(str(self.judgement))
        if self.judgement.verdict is Verdict.UNKNOWN:
            raise VerdictUnknown(str(self.judgement))
        return self.judgement

    def close(self) -> None:
        """Close and merge the history; harmless twice."""
        self.recorder.close()
        merge(self.directory)

    def _write_verdict(self) -> None:
        assert self.judgement is not None
        verdict = self.judgement.as_dict() | {"checkers": [stored(each) for each in self._checkers]}
        document = msgspec.json.format(msgspec.json.encode(verdict), indent=2)
        (self.directory / "verdict.json").write_bytes(document + b"\n")


def _header(spec: CaseSpec, images: dict[str, str]) -> Header:
    return Header(
        format_version=FORMAT_VERSION,
        case=spec.scenario,
        backend=spec.backend,
        version=spec.version,
        nodes=spec.nodes,
        tier=spec.tier,
        seed=spec.seed,
        monotonic_ns=time.monotonic_ns(),
        wall_ns=time.time_ns(),
        pid=os.getpid(),
        images=images,
        client_versions=_client_versions(),
    )


def _client_versions() -> dict[str, str]:
    found = {}
    for library in CLIENT_LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found

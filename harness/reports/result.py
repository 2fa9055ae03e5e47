"""One case as a report needs it: plain values, so that it travels from a worker as it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a case ended, from the least to the most serious.

    ``failed`` is an ordinary failure of the test's own code, ``error`` one before or after it;
    ``xfail`` a failure that the test expects.
    """

    NOT_RUN = "not run"
    SKIP = "skip"
    OK = "ok"
    ALLOWED = "allowed"
    XFAIL = "xfail"
    UNKNOWN = "UNKNOWN"
    ERROR = "ERROR"
    FAILED = "FAILED"
    VIOLATION = "VIOLATION"

    @property
    def weight(self) -> int:
        """Of two verdicts on one case the heavier one stands."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True)
class FindingText:
    """One anomaly in words, weighed.

    ``number`` counts the anomalous messages. ``why`` says what the verdict rests on; ``quote`` and
    ``source`` are empty where nobody has promised or denied anything.
    """

    guarantee: str
    verdict: str
    number: int
    summary: str
    why: str
    quote: str = ""
    source: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case and how it ended.

    ``fault`` is what its parameters say, ``strikes`` what was really hit; ``recoveries`` are in
    seconds, ``files`` are paths.
    """

    nodeid: str
    scenario: str
    backend: str
    version: str
    nodes: int
    tier: str
    seed: int
    fault: str = ""
    reproduce: str = ""
    verdict: Verdict = Verdict.NOT_RUN
    sentence: str = ""
    findings: tuple[FindingText, ...] = ()
    strikes: tuple[str, ...] = ()
    recoveries: tuple[float, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def cluster(self) -> str:
        """The cluster in words: ``redis 8.0.2, 3 nodes, wait``."""
        number = f"{self.nodes} node{'s' * (self.nodes != 1)}"
        return ", ".join(filter(None, (f"{self.backend} {self.version}".strip(), number, self.tier)))

    def as_data(self) -> dict[str, Any]:
        """Only strings, numbers, lists and dictionaries: what xdist and JSON can carry."""
        data = asdict(self)
        data["verdict"] = str(self.verdict)
        return data

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> CaseResult:
        """Rebuild what ``as_data`` made; lists that were tuples become tuples again."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values["verdict"] = Verdict(values["verdict"])
        values["findings"] = tuple(_finding(each) for each in values["findings"])
        for name in ("strikes", "recoveries", "files"):
            values[name] = tuple(values[name])
        return cls(**values)


def _finding(data: dict[str, Any]) -> FindingText:
    return FindingText(**{**data, "evidence": tuple(data["evidence"])})

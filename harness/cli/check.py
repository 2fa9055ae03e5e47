"""``harness check``: stored histories judged again, on a machine with neither engine nor client."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from harness.cli.output import emit, emit_json, paragraph, row, say
from harness.model.errors import BadOption, HarnessError, UnreadableHistory

if TYPE_CHECKING:
    from harness.checkers.anomaly import Checker
    from harness.checkers.judge import Judgement

VERDICT = "verdict.json"
HISTORIES = ("history.jsonl.gz", "history.*.jsonl")
EXIT = {"violation": 1, "unknown": 3}
_LABEL = 11


@dataclass(frozen=True, slots=True)
class Judged:
    """A case judged again; ``before`` is its stored verdict, empty where there is none."""

    case: str
    before: str
    judgement: Judgement

    @property
    def verdict(self) -> str:
        """The verdict as a word."""
        return str(self.judgement.verdict)

    def as_data(self) -> dict[str, Any]:
        """For ``--json``."""
        return {"case": self.case, "before": self.before, **self.judgement.as_dict()}


def check(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Of a run, or of a case.")],
    *,
    checker: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="One more checker; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Judge stored histories again, without a broker.

    Each by the checkers its scenario asked for, or all that need no option if there is no verdict
    yet. Exits with 1 if there is a violation, else with 3 if something is unknown.
    """
    cases = cases_below(directory)
    more = _more(checker or ())
    if len(cases) > 1:
        say(f"judging {len(cases)} cases")
    judged = [_judged(case, directory, more) for case in cases]
    worst = _worst(judged)
    if json:
        emit_json({"verdict": worst, "cases": [each.as_data() for each in judged]})
    else:
        _tell(judged)
    if code := EXIT.get(worst):
        raise typer.Exit(code)


def cases_below(directory: Path) -> list[Path]:
    """Return every directory at or below one that holds a history; raises ``BadOption`` if none does."""
    if not directory.is_dir():
        raise BadOption("directory", str(directory), "there is no such directory")
    found = sorted({path.parent for pattern in HISTORIES for path in directory.rglob(pattern)})
    if not found:
        raise BadOption(
            "directory", str(directory), f"no history is in it or below ({' or '.join(HISTORIES)})"
        )
    return found


class _Stored(msgspec.Struct):
    """What is read of a ``verdict.json``."""

    verdict: str = ""
    checkers: list[dict[str, Any]] | None = None


def _judged(case: Path, root: Path, more: Sequence[Checker]) -> Judged:
    stored = _stored(case / VERDICT)
    checkers, reasons = _asked(stored.checkers)
    checkers += [each for each in more if each not in checkers]
    name = str(case.relative_to(root)) if case != root else case.resolve().name
    return Judged(name, stored.verdict, _doubted(_judge(case, checkers), reasons))


def _judge(case: Path, checkers: Sequence[Checker]) -> Judgement:
    """Judge one history; one that cannot be read, or has no header, proves nothing."""
    from harness.backends import load_backend  # noqa: PLC0415 - pays for what it uses only
    from harness.checkers.judge import Judgement, Verdict, judge  # noqa: PLC0415
    from harness.history.store import read_case  # noqa: PLC0415
    from harness.history.view import History  # noqa: PLC0415

    try:
        history = History(read_case(case))
    except UnreadableHistory as error:
        return Judgement(Verdict.UNKNOWN, (), (str(error),))
    if not history.headers:
        return Judgement(Verdict.UNKNOWN, (), ("its writer ended before it wrote anything",))
    header = history.headers[0]
    return judge(history, checkers, load_backend(header.backend).claims, header.tier)


def _doubted(judgement: Judgement, reasons: Sequence[str]) -> Judgement:
    from harness.checkers.judge import Judgement, Verdict  # noqa: PLC0415 - pays for what it uses only

    if not reasons:
        return judgement
    verdict = Verdict.worst([judgement.verdict, Verdict.UNKNOWN])
    return Judgement(verdict, judgement.findings, (*judgement.reasons, *reasons))


def _stored(path: Path) -> _Stored:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Stored)
    except FileNotFoundError:
        return _Stored()
    except msgspec.MsgspecError as error:
        say(f"warning: {path}: {error}")
        return _Stored()


def _asked(stored: Sequence[dict[str, Any]] | None) -> tuple[list[Checker], list[str]]:
    """Return the checkers of a stored verdict, and why some cannot be asked again."""
    from harness.checkers.stored import StoredChecker, restored  # noqa: PLC0415 - pays for what it uses only

    if stored is None:
        return _without_options(), []
    checkers, reasons = [], []
    for each in msgspec.convert(stored, type=list[StoredChecker]):
        try:
            checkers.append(restored(each))
        except HarnessError as error:
            reasons.append(f"not judged again by {each.name}: {error}")
    return checkers, reasons


def _without_options() -> list[Checker]:
    from harness.checkers import known_checkers  # noqa: PLC0415 - pays for what it uses only
    from harness.checkers.stored import StoredChecker, restored  # noqa: PLC0415

    found = []
    for name in known_checkers():
        try:
            found.append(restored(StoredChecker(name, {})))
        except BadOption:
            continue  # it needs an option, which only a scenario knows
    return found


def _more(names: Iterable[str]) -> list[Checker]:
    from harness.checkers.stored import StoredChecker, restored  # noqa: PLC0415 - pays for what it uses only

    return [restored(StoredChecker(name, {})) for name in names]


def _worst(judged: Sequence[Judged]) -> str:
    from harness.checkers.judge import Verdict  # noqa: PLC0415 - pays for what it uses only

    return str(Verdict.worst(each.judgement.verdict for each in judged))


def _tell(judged: Sequence[Judged]) -> None:
    for each in judged:
        was = f" (was {each.before})" if each.before not in {"", each.verdict} else ""
        emit(f"{each.verdict:<{_LABEL}}{each.case}{was}")  # never wrapped: a path is there to be copied
        if rest := str(each.judgement).partition("\n")[2]:
            emit(paragraph("\n".join(line.strip() for line in rest.splitlines()), _LABEL))
    if len(judged) > 1:
        verdicts = [each.verdict for each in judged]
        counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in sorted(set(verdicts)))
        emit(row(["judged", f"{len(judged)} cases: {counts}"], [_LABEL]))

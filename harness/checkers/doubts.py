"""What makes a case prove less than it seems to, whatever the checkers found.

A fault that did not bite, that the cluster did not react to before it was healed, or that could
not be healed; a fault during which no client attempted anything; a case in which nothing was
attempted, or no publish acknowledged. Each is a reason for ``unknown``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from harness.history.facts import NEVER, Publish, Receive, Settlement, is_own
from harness.history.records import FaultRecord, FaultStage
from harness.history.view import History
from harness.model.outcome import Outcome


def doubts(history: History) -> list[str]:
    """The reasons for which this history proves little, each a sentence; empty if there are none."""
    reasons = list(_idle(history))
    by_number: defaultdict[int, list[FaultRecord]] = defaultdict(list)
    for record in history.faults:
        by_number[record.number].append(record)
    for records in by_number.values():
        reasons += _doubted_fault(history, records)
    return reasons


def _idle(history: History) -> Iterator[str]:
    publishes = [publish for publish in history.publishes if not is_own(publish.client)]
    if next(_theirs(history), None) is None:
        yield "no client published, received or settled anything"
    elif publishes and not any(publish.outcome is Outcome.OK for publish in publishes):
        yield f"not one of {len(publishes)} publishes was acknowledged"


def _theirs(history: History) -> Iterator[Publish | Receive | Settlement]:
    """The work of the scenario's clients: the harness's own probes and markers prove nothing for it."""
    return (op for op in history.work() if not is_own(op.client))


def _doubted_fault(history: History, records: list[FaultRecord]) -> Iterator[str]:
    name = f"fault {records[0].number} ({records[0].fault})"
    last = {record.stage: record for record in records}
    if FaultStage.BITTEN not in last:
        yield f"{name} was not seen to bite{_detail(last, FaultStage.NOT_BITTEN)}"
    elif not _attempted_during(history, *_window(last)):
        yield f"{name}: no client attempted anything while it lasted"
    if FaultStage.NOT_REACTED in last and FaultStage.REACTED not in last:
        yield f"{name}: the cluster was not seen to react{_detail(last, FaultStage.NOT_REACTED)}"
    if FaultStage.HEALED not in last:
        yield f"{name} was not healed{_detail(last, FaultStage.HEAL_FAILED)}"


def _detail(last: dict[FaultStage, FaultRecord], stage: FaultStage) -> str:
    record = last.get(stage)
    return f": {record.detail}" if record is not None and record.detail else ""


def _window(last: dict[FaultStage, FaultRecord]) -> tuple[int, int | None]:
    """From the injection's end, or the bite where that is all there is, until healing began."""
    since = last.get(FaultStage.INJECTED, last[FaultStage.BITTEN]).time
    ends: Iterable[FaultStage] = (FaultStage.HEALING, FaultStage.HEALED, FaultStage.HEAL_FAILED)
    return since, next((last[stage].time for stage in ends if stage in last), None)


def _attempted_during(history: History, since: int, until: int | None) -> bool:
    """Whether an op began during the window, or was in flight when it opened.

    An op that never returned counts where it began alone: its process may have been dead for long.
    """
    return any(
        op.invoked >= since if until is None else since <= op.invoked <= until for op in _theirs(history)
    ) or any(op.invoked < since <= op.returned for op in _theirs(history) if op.returned != NEVER)

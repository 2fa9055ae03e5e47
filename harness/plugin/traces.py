"""What the history of a case tells a reader of its result: what was struck, and how long recovery took."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from harness.history.records import FaultRecord, FaultStage, Observation, Record
from harness.history.store import read_case
from harness.model.errors import UnreadableHistory

STRIKES_KEPT = 6

TOLD = frozenset({FaultStage.BITTEN, FaultStage.REACTED, FaultStage.HEALED})
EXPLAINED = frozenset({FaultStage.NOT_BITTEN, FaultStage.NOT_REACTED, FaultStage.HEAL_FAILED})
"""What went otherwise than meant, so that its detail matters."""


class Traces(NamedTuple):
    """``strikes`` has a sentence for each fault; ``recoveries`` are in seconds."""

    strikes: tuple[str, ...] = ()
    recoveries: tuple[float, ...] = ()


def traces_of(directory: Path) -> Traces:
    """Read a case's history; nothing for a case that failed before it recorded anything."""
    try:
        return gather(read_case(directory))
    except UnreadableHistory:
        return Traces()


def gather(records: Iterable[Record]) -> Traces:
    """Find the faults and the recoveries among ``records``, in one pass."""
    faults: dict[int, list[FaultRecord]] = {}
    recoveries = []
    for record in records:
        if isinstance(record, FaultRecord):
            faults.setdefault(record.number, []).append(record)
        elif isinstance(record, Observation) and record.name == "recovery":
            recoveries.append(record.value)
    strikes = [_strike(steps) for steps in faults.values()]
    more = len(strikes) - STRIKES_KEPT
    kept = strikes[:STRIKES_KEPT] + ([f"and {more} more faults"] if more > 0 else [])
    return Traces(tuple(kept), tuple(recoveries))


def _strike(steps: list[FaultRecord]) -> str:
    hit = next((step.nodes or step.links for step in steps if step.nodes or step.links), ())
    told = [_step(step) for step in steps if step.stage in TOLD | EXPLAINED]
    sentence = f"{steps[0].fault} hit {', '.join(hit) or 'nothing'}"
    return f"{sentence}: {', '.join(told)}" if told else sentence


def _step(step: FaultRecord) -> str:
    return f"{step.stage} ({step.detail})" if step.stage in EXPLAINED and step.detail else str(step.stage)

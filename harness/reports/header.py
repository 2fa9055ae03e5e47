"""The lines that say with what and where a run will run, before anything does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was chosen and found; ``engine`` is empty if no chosen backend needs one."""

    engine: str
    backends: Sequence[str]
    seed: int
    directory: Path
    workers: str
    keep: bool = False


def header(run: Circumstances) -> list[str]:
    """One line for each fact, none for what does not apply."""
    facts = {
        "engine": run.engine or "none needed",
        "backends": ", ".join(run.backends),
        "seed": str(run.seed),
        "run": f"{run.directory}{' (clusters are kept)' if run.keep else ''}",
        "workers": run.workers,
    }
    return [f"harness {name}: {value}" for name, value in facts.items() if value]

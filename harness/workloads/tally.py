"""What has happened so far, as the running case needs to know it; the verdict reads the history."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from harness.model.message import Position

GroupOf = tuple[str, str]
"""A destination's name and a group's."""


@dataclass(slots=True)
class Tally:
    """Counts by destination, and the positions that each group has been handed and has settled."""

    attempted: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    acknowledged: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    delivered: defaultdict[GroupOf, set[Position]] = field(default_factory=lambda: defaultdict(set))
    settled: defaultdict[GroupOf, set[Position]] = field(default_factory=lambda: defaultdict(set))
    groups: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

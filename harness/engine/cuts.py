"""Who needs which edge cut: an edge is mended when the last fault that had it cut lets go.

Faults overlap: a node is isolated while the cluster is in halves. Each names itself as a *holder*,
and healing one must not mend what another still needs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from harness.model.cluster import Edge


class HeldCuts:
    """The edges that are cut, and for whom; the caller lets one thread in at a time."""

    def __init__(self) -> None:
        self._holders: defaultdict[Edge, set[str]] = defaultdict(set)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Every edge that somebody has cut."""
        return tuple(self._holders)

    def take(self, edges: Sequence[Edge], holder: str) -> None:
        """Note that ``holder`` needs these cut; doing so twice is once."""
        for edge in edges:
            self._holders[edge].add(holder)

    def give(self, edges: Sequence[Edge], holder: str) -> tuple[Edge, ...]:
        """Let go of these; returns those that nobody needs cut any more, never cut ones included."""
        for edge in edges:
            self._holders[edge].discard(holder)
        free = tuple(edge for edge in dict.fromkeys(edges) if not self._holders[edge])
        for edge in free:
            del self._holders[edge]
        return free

    def clear(self) -> None:
        """Forget everybody."""
        self._holders.clear()

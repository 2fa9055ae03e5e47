"""Edges between groups of nodes, and the sight of them cut."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import to_thread

from harness.faults.contract import Field
from harness.model.cluster import Edge


def between(one: Sequence[str], other: Sequence[str]) -> tuple[Edge, ...]:
    """Every edge from one group of nodes to the other, and back."""
    there = [Edge(a, b) for a in one for b in other]
    return (*there, *(Edge(edge.destination, edge.source) for edge in there))


async def no_packet_passes(field: Field, edges: Sequence[Edge]) -> str:
    """Evidence that a packet sent along each edge does not arrive, empty if one does."""
    for edge in edges:
        if await to_thread.run_sync(field.cluster.passes, edge):
            return ""
    return f"no packet passed along {len(edges)} edges" if edges else ""

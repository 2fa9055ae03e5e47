"""Observing, beside the faults, what claims depend on: promotions and crashed nodes."""

from __future__ import annotations

import anyio
from anyio import to_thread

from harness.backends.contract import Observer
from harness.model.cluster import Cluster
from harness.model.destination import Destination
from harness.scenario.ledger import Ledger

LOOK_WITHIN = 3.0


class Witness:
    """Remembers who led each destination, and writes down when somebody else does."""

    def __init__(self, cluster: Cluster, observer: Observer, ledger: Ledger) -> None:
        self._cluster = cluster
        self._observer = observer
        self._ledger = ledger
        self._leaders: dict[str, tuple[str, ...]] = {}
        self._destinations: dict[str, Destination] = {}
        self._down: set[str] = set()

    async def begin(self, destination: Destination) -> None:
        """Look after a destination from now on."""
        self._destinations[destination.name] = destination
        self._leaders[destination.name] = await self._observer.leaders(destination)

    async def look(self) -> None:
        """Compare with what was seen last; a cluster that cannot be asked now is asked next time."""
        await self._look_for_crashes()
        for destination in self._destinations.values():
            with anyio.move_on_after(LOOK_WITHIN):
                await self._look_at(destination)

    async def _look_for_crashes(self) -> None:
        for node in self._cluster.nodes:
            state = await to_thread.run_sync(self._cluster.state, node)
            if state.running:
                self._down.discard(node)
            elif state.killed and node not in self._down:
                self._down.add(node)
                self._ledger.observe("node-crash", node=node)

    async def _look_at(self, destination: Destination) -> None:
        try:
            leaders = await self._observer.leaders(destination)
        except Exception:  # noqa: BLE001 - nobody answers while too many nodes are hit
            return
        before = self._leaders[destination.name]
        if not leaders or not all(leaders) or leaders == before:
            return
        self._leaders[destination.name] = leaders
        # A partition that gets its first leader after it was created has lost none: no promotion.
        if any(was and was != now for was, now in zip(before, leaders, strict=False)):
            detail = f"{', '.join(before)} -> {', '.join(leaders)}"
            self._ledger.observe("promotion", destination=destination.name, detail=detail)

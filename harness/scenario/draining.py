"""After healing: is there progress again, and has everything that is stored been handed out?

Draining is not "until everything arrived", which never ends when something is lost: one marker per
partition is published, every group reads up to it, then the log itself is read, and what the log
holds is given time to reach each group.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

from harness.backends.contract import Observer
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.message import Message, Position, Stored
from harness.scenario.ledger import Ledger
from harness.waits import wait_for_condition
from harness.workloads.recorded import RecordedClient
from harness.workloads.tally import Tally

PUBLISH_SECONDS = 3.0
KEYS_PER_PARTITION = 50


class Draining:
    """What is asked of one destination once the faults are healed; ``client`` is of the admin link."""

    def __init__(self, client: RecordedClient, observer: Observer, ledger: Ledger, tally: Tally) -> None:
        self.client = client
        self._observer = observer
        self._ledger = ledger
        self._tally = tally
        self._counter = 0

    async def recovered(self, destination: Destination, within: float) -> float:
        """Return the seconds until the cluster is whole and a new message reaches every group.

        Raises ``DeadlineExceeded`` naming what was lacking.
        """
        begun = time.monotonic()
        position = await self._acknowledged(destination, b"recovery", within)
        await self._handed_to_all(destination, {position}, begun + within - time.monotonic())
        seconds = time.monotonic() - begun
        self._ledger.observe("recovery", destination=destination.name, value=seconds)
        await wait_for_condition(
            self._observer.not_ready,
            condition=f"{destination.name}: cluster whole again",
            within=max(0.1, begun + within - time.monotonic()),
            until=lambda lacking: not lacking,
            every=0.1,
        )
        return seconds

    async def drained(self, destination: Destination, within: float, grace: float) -> Sequence[Stored]:
        """Read to the end, and return the log; ``grace`` is how long a stored message may stay away.

        Raises ``DeadlineExceeded`` when a marker is not acknowledged or not handed out in time.
        """
        markers = await self._mark(destination, within)
        await self._handed_to_all(destination, markers, within)
        await self._in_sync(destination, within)
        log = await self.client.read_log(destination)
        self._ledger.observe("log-read", destination=destination.name, value=len(log))
        await self._given_time(destination, {stored.position for stored in log}, grace)
        for group in self._tally.groups[destination.name]:
            self._ledger.observe("drained", destination=destination.name, group=group)
        return log

    async def _acknowledged(self, destination: Destination, key: bytes, within: float) -> Position:
        async def publish() -> Position:
            # Each attempt is an op of its own, with a message of its own.
            self._counter += 1
            message = Message(id=f"{self.client.name}-{self._counter}", key=key)
            return (await self.client.publish(destination, message, PUBLISH_SECONDS)).position

        return await wait_for_condition(
            publish,
            condition=f"{destination.name}: a publish acknowledged",
            within=within,
            until=lambda position: position is not None,
            every=0.1,
        )

    async def _mark(self, destination: Destination, within: float) -> set[Position]:
        markers: dict[int, Position] = {}
        for i in range(destination.partitions * KEYS_PER_PARTITION):
            if len(markers) == destination.partitions:
                break
            position = await self._acknowledged(destination, f"marker-{i}".encode(), within)
            markers[position.partition] = position
        return set(markers.values())

    async def _handed_to_all(self, destination: Destination, positions: set[Position], within: float) -> None:
        async def lacking() -> list[str]:
            return [
                f"{group} lacks {len(positions - self._tally.delivered[destination.name, group])}"
                for group in sorted(self._tally.groups[destination.name])
                if positions - self._tally.delivered[destination.name, group]
            ]

        await wait_for_condition(
            lacking,
            condition=f"{destination.name}: every group reads what was published after healing",
            within=max(0.1, within),
            until=lambda groups: not groups,
        )

    async def _in_sync(self, destination: Destination, within: float) -> None:
        await wait_for_condition(
            lambda: self._observer.replicas_in_sync(destination),
            condition=f"{destination.name}: replicas in sync",
            within=within,
            every=0.1,
        )

    async def _given_time(self, destination: Destination, stored: set[Position], grace: float) -> None:
        groups = [self._tally.delivered[destination.name, g] for g in self._tally.groups[destination.name]]

        async def missing() -> int:
            return sum(len(stored - delivered) for delivered in groups)

        with suppress(DeadlineExceeded):  # what is still missing then is for the checkers to judge
            await wait_for_condition(
                missing,
                condition=f"{destination.name}: everything stored is handed out",
                within=grace,
                until=lambda count: count == 0,
            )

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
HANDED_WITHIN = 8.0
"""Seconds for one message to reach every group, longer than a consumer takes to find a new leader."""
KEYS_PER_PARTITION = 50


class Draining:
    """What is asked of one destination once the faults are healed; ``client`` is of the admin link."""

    def __init__(self, client: RecordedClient, observer: Observer, ledger: Ledger, tally: Tally) -> None:
        self.client = client
        self._observer = observer
        self._ledger = ledger
        self._tally = tally
        self._counter = 0
        self.left_behind = False

    async def recovered(self, destination: Destination, within: float) -> float:
        """Return the seconds until a new message reaches every group, and the cluster is whole then.

        Raises ``DeadlineExceeded`` naming what was lacking.
        """
        begun = time.monotonic()
        groups = sorted(self._tally.groups[destination.name])
        await self._reaches_every_group(destination, groups, b"recovery", within)
        seconds = time.monotonic() - begun
        self._ledger.observe("recovery", destination=destination.name, value=seconds)
        await self._whole(destination, begun + within - time.monotonic())
        return seconds

    async def drained(
        self,
        destination: Destination,
        groups: Sequence[str],
        within: float,
        grace: float,
    ) -> Sequence[Stored]:
        """Have ``groups`` read to the end, and return the log; a stored message may stay away ``grace`` s.

        Raises ``DeadlineExceeded`` when a marker is not acknowledged or not handed out in time.
        """
        await self._whole(destination, within)
        await self._mark(destination, groups, within)
        await self._in_sync(destination, within)
        log = await self.client.read_log(destination)
        self._ledger.observe("log-read", destination=destination.name, value=len(log))
        await self._given_time(destination, groups, {stored.position for stored in log}, grace)
        for group in groups:
            self._ledger.observe("drained", destination=destination.name, group=group)
        return log

    async def _reaches_every_group(
        self,
        destination: Destination,
        groups: Sequence[str],
        key: bytes,
        within: float,
    ) -> Position:
        """Publish until one message is acknowledged and handed to all ``groups``; return its position.

        More than one may be needed: what a deposed primary acknowledges before it hears of its
        successor is gone, and would be waited for in vain. Any of them will do: a group that lags
        gets to the first while the latest is far away.
        """
        deadline = time.monotonic() + within
        acknowledged: list[Position] = []
        last_seen: object = "nothing acknowledged"
        while (left := deadline - time.monotonic()) > 0:
            acknowledged.append(await self._acknowledged(destination, key, left))
            try:
                return await self._handed_to_all(destination, groups, acknowledged, min(left, HANDED_WITHIN))
            except DeadlineExceeded as missed:
                last_seen = missed.last_seen
        condition = f"{destination.name}: every group reads what is published after healing"
        raise DeadlineExceeded(condition, within, last_seen)

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

    async def _handed_to_all(
        self,
        destination: Destination,
        groups: Sequence[str],
        positions: Sequence[Position],
        within: float,
    ) -> Position:
        """Return one of ``positions`` that every group has been handed."""

        def without(position: Position) -> list[str]:
            delivered = self._tally.delivered
            return [group for group in groups if position not in delivered[destination.name, group]]

        def nearest() -> Position:
            return min(positions, key=lambda position: len(without(position)))

        async def lacking() -> list[str]:
            return without(nearest())

        await wait_for_condition(
            lacking,
            condition=f"{destination.name}: {', '.join(map(str, positions))} handed to every group",
            within=within,
            until=lambda groups: not groups,
        )
        return nearest()

    async def _mark(self, destination: Destination, groups: Sequence[str], within: float) -> None:
        """Have one message per partition reach every group; its key decides the partition."""
        marked: set[int] = set()
        for i in range(destination.partitions * KEYS_PER_PARTITION):
            if len(marked) == destination.partitions:
                return
            position = await self._reaches_every_group(destination, groups, f"marker-{i}".encode(), within)
            marked.add(position.partition)
        if len(marked) < destination.partitions:
            # A group is not drained of a partition of which nobody saw the end.
            condition = f"{destination.name}: a marker in each of {destination.partitions} partitions"
            raise DeadlineExceeded(condition, within, f"partitions {sorted(marked)}")

    async def _whole(self, destination: Destination, within: float) -> None:
        await wait_for_condition(
            self._observer.not_ready,
            condition=f"{destination.name}: cluster whole again",
            within=max(0.5, within),
            until=lambda lacking: not lacking,
            every=0.1,
        )

    async def _in_sync(self, destination: Destination, within: float) -> None:
        """Wait for the replicas; ones that stay behind are written down, for nobody promises them a time."""
        begun = time.monotonic()
        try:
            await wait_for_condition(
                lambda: self._observer.replicas_in_sync(destination),
                condition=f"{destination.name}: replicas in sync",
                within=within,
                every=0.1,
            )
        except DeadlineExceeded as missed:
            self.left_behind = True
            seconds = time.monotonic() - begun
            self._ledger.observe(
                "replicas-behind", destination=destination.name, value=seconds, detail=str(missed)
            )

    async def _given_time(
        self,
        destination: Destination,
        groups: Sequence[str],
        stored: set[Position],
        grace: float,
    ) -> None:
        """Wait until everything stored was handed out, or nothing more has been for ``grace`` seconds.

        A group that lags on a busy machine still gets there; one that gets nothing any more does not.
        """
        handed = [self._tally.delivered[destination.name, group] for group in groups]

        async def missing() -> int:
            return sum(len(stored - delivered) for delivered in handed)

        left = await missing()
        with suppress(DeadlineExceeded):  # what is still missing then is for the checkers to judge
            while left:
                left = await wait_for_condition(
                    missing,
                    condition=f"{destination.name}: more of what is stored is handed out",
                    within=grace,
                    until=lambda count, before=left: count < before,  # type: ignore[misc]
                    every=0.1,
                )

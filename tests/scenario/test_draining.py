"""After healing: progress is seen, reading to the end ends, and no lost marker is waited for for ever."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import anyio
import pytest

from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.message import Message, Position, Receipt, Stored
from harness.scenario.draining import HANDED_WITHIN, Draining
from harness.workloads.recorded import RecordedClient
from harness.workloads.tally import Tally
from tests.scenario.doubles import Notebook, ToldObserver
from tests.scenario.virtual_time import at_once

ORDERS = Destination("orders", partitions=3)
GROUPS = ("audit", "billing")
SOON = 1.0


class ToldClient:
    """Publishes into a log of its own and hands everything to every group at once.

    Of the next publishes ``refused`` fail, ``swallowed`` are acknowledged and then gone, and
    ``held`` are stored and not handed out.
    """

    name = "admin-1"

    def __init__(self, tally: Tally) -> None:
        self.log: list[Stored] = []
        self.published: list[Message] = []
        self.refused = 0
        self.swallowed = 0
        self.held = 0
        self.partitions = 3
        self._tally = tally

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        self.published.append(message)
        if self.refused > 0:
            self.refused -= 1
            raise OSError("no leader")
        position = Position(sum(message.key) % self.partitions, len(self.published))
        if self.swallowed > 0:
            self.swallowed -= 1
            return Receipt(position)
        self.log.append(Stored(position, message))
        if self.held > 0:
            self.held -= 1
            return Receipt(position)
        self.hand_out(destination, position)
        return Receipt(position)

    def hand_out(self, destination: Destination, position: Position) -> None:
        for group in self._tally.groups[destination.name]:
            self._tally.delivered[destination.name, group].add(position)

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        return self.log


class Scene:
    """A destination with two groups, and who drains it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.tally = Tally()
        self.tally.groups["orders"] = set(GROUPS)
        self.client = ToldClient(self.tally)
        self.observer = ToldObserver()
        client = cast("RecordedClient", self.client)
        self.draining = Draining(client, self.observer, notebook.ledger, self.tally)

    def observed(self, name: str) -> list[str]:
        """Whom something was observed of."""
        return sorted(each.group or each.destination for each in self.notebook.observations(name))


@pytest.fixture
def scene(notebook: Notebook) -> Scene:
    """A healthy cluster."""
    return Scene(notebook)


@at_once
async def test_recovery_is_a_message_that_reaches_every_group(scene: Scene) -> None:
    """Refused attempts are counted into the time, each being a message of its own."""
    scene.client.refused = 20
    seconds = await scene.draining.recovered(ORDERS, within=10.0)
    assert 2.0 <= seconds < 2.0 + SOON
    assert len({message.id for message in scene.client.published}) == 21
    [recovery] = scene.notebook.observations("recovery")
    assert (recovery.value, recovery.destination) == (seconds, "orders")


@at_once
async def test_recovery_waits_for_the_whole_cluster(scene: Scene) -> None:
    """Progress with a replica missing is progress, but the case goes on with all of them."""
    scene.observer.lacking = ["n3 does not answer"] * 30 + [""]
    begun = time.monotonic()
    seconds = await scene.draining.recovered(ORDERS, within=10.0)
    assert seconds < SOON < 3.0 <= time.monotonic() - begun


@pytest.mark.parametrize("lacking", ["publish", "delivery", "node"])
@at_once
async def test_a_recovery_that_does_not_come_says_what_is_lacking(scene: Scene, lacking: str) -> None:
    """No acknowledgement, a group that is handed nothing, or a node that stays away."""
    said = {"publish": "OSError: no leader", "delivery": r"\['audit', 'billing'\]", "node": "n3 is late"}
    if lacking == "publish":
        scene.client.refused = 10**6
    elif lacking == "delivery":
        scene.client.held = 10**6
    else:
        scene.observer.lacking = ["n3 is late"]
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=said[lacking]):
        await scene.draining.recovered(ORDERS, within=20.0)
    assert time.monotonic() - begun < 20.0 + SOON


@at_once
async def test_a_drained_destination_is_marked_in_every_partition(scene: Scene) -> None:
    """Then its log is read, and every group is on record as drained."""
    log = await scene.draining.drained(ORDERS, GROUPS, within=10.0, grace=5.0)
    assert {stored.position.partition for stored in log} == {0, 1, 2}
    assert scene.observed("log-read") == ["orders"]
    assert scene.observed("drained") == ["audit", "billing"]


@at_once
async def test_a_lost_marker_is_followed_by_another(scene: Scene) -> None:
    """A deposed primary acknowledged it and is gone: it is not waited for in vain until the end."""
    scene.client.swallowed = 1
    begun = time.monotonic()
    log = await scene.draining.drained(ORDERS, GROUPS, within=30.0, grace=5.0)
    assert HANDED_WITHIN <= time.monotonic() - begun < HANDED_WITHIN + SOON
    assert {stored.position.partition for stored in log} == {0, 1, 2}


@at_once
async def test_markers_that_are_never_handed_out_end_the_drain(scene: Scene) -> None:
    """It is bounded, and the groups are not called drained."""
    scene.client.swallowed = 10**6
    with pytest.raises(DeadlineExceeded, match="every group reads what is published after healing"):
        await scene.draining.drained(ORDERS, GROUPS, within=20.0, grace=5.0)
    assert scene.observed("drained") == scene.observed("log-read") == []


@at_once
async def test_a_partition_without_a_marker_is_not_drained(scene: Scene) -> None:
    """Where no key leads to it, nobody can say that it was read to the end."""
    scene.client.partitions = 2
    with pytest.raises(DeadlineExceeded, match=r"orders: a marker in each of 3 partitions"):
        await scene.draining.drained(ORDERS, GROUPS, within=20.0, grace=5.0)
    assert scene.observed("drained") == []


@at_once
async def test_replicas_that_stay_behind_are_written_down(scene: Scene) -> None:
    """They were waited for; the log that is read is the leader's, so nothing is missing from it."""
    scene.observer.in_sync = False
    await scene.draining.drained(ORDERS, GROUPS, within=5.0, grace=5.0)
    assert scene.draining.left_behind
    assert len(scene.observed("replicas-behind")) == 1
    assert len(scene.observed("log-read")) == 1


@at_once
async def test_a_late_message_is_given_time(scene: Scene) -> None:
    """One that is stored and under a lease is waited for, and no longer than it takes."""
    late = Position(0, 99)
    scene.client.log.append(Stored(late, Message("late")))

    async def hand_out_later() -> None:
        await anyio.sleep(3.0)
        scene.client.hand_out(ORDERS, late)

    begun = time.monotonic()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hand_out_later)
        await scene.draining.drained(ORDERS, GROUPS, within=10.0, grace=8.0)
    assert 3.0 <= time.monotonic() - begun < 3.0 + SOON


@at_once
async def test_a_stranded_message_is_given_time_and_left_to_the_checkers(scene: Scene) -> None:
    """Draining is not "until everything arrived": it ends, and the groups are drained."""
    scene.client.log.append(Stored(Position(0, 99), Message("stranded")))
    begun = time.monotonic()
    await scene.draining.drained(ORDERS, GROUPS, within=10.0, grace=8.0)
    assert 8.0 <= time.monotonic() - begun < 8.0 + SOON
    assert scene.observed("drained") == ["audit", "billing"]


@at_once
async def test_a_destination_without_groups_has_its_log_read(scene: Scene) -> None:
    """A dead letter that nobody reads is drained by its markers alone."""
    log = await scene.draining.drained(Destination("dead", partitions=1), (), within=10.0, grace=5.0)
    assert len(log) == 1
    assert scene.observed("log-read") == ["dead"]

"""A member of a group goes on whatever the broker does, and leaves when it is told to."""

from __future__ import annotations

import asyncio
import time

import anyio
import pytest

from harness.history.records import Function
from harness.model.errors import HarnessError
from harness.scenario.traffic import running
from harness.workloads.consumer_task import ConsumerTask
from harness.workloads.consuming import AFTER_AN_ERROR, RECEIVE_SECONDS, Consuming
from tests.scenario.virtual_time import at_once
from tests.workloads.doubles import BILLING, ORDERS, Desk, Refused, delivery


async def consumed(desk: Desk, seconds: float, *, acks: bool = True) -> Consuming:
    """Consume for so long, and leave."""
    consuming = Consuming(desk.client, ORDERS, BILLING, acks=acks)
    async with running([consuming]):
        await anyio.sleep(seconds)
    return consuming


@at_once
async def test_whatever_comes_is_acknowledged(desk: Desk) -> None:
    """All of a batch, and then the next one is asked for."""
    desk.bare.batches = [[delivery(1), delivery(2)], [], [delivery(3)]]
    consuming = await consumed(desk, 3.0)
    assert consuming.received == 3
    acked = {op.message for op in desk.ops(Function.ACK)}
    assert acked == {"p-1", "p-2", "p-3"}


@at_once
async def test_a_hanging_consumer_acknowledges_nothing(desk: Desk) -> None:
    """It takes and takes, which is what a consumer stuck in its work looks like."""
    desk.bare.batches = [[delivery(1)], [delivery(2)]]
    consuming = await consumed(desk, 3.0, acks=False)
    assert consuming.received == 2
    assert desk.ops(Function.ACK) == []


@at_once
async def test_joining_is_tried_again_as_an_operation_of_its_own(desk: Desk) -> None:
    """After a pause each time; the last error can be told until it has joined."""
    desk.bare.errors["subscribe"] = [Refused("no coordinator"), TimeoutError("late")]
    consuming = Consuming(desk.client, ORDERS, BILLING)
    async with running([consuming]):
        await anyio.sleep(AFTER_AN_ERROR / 2)
        assert (consuming.has_joined, consuming.last_error) == (False, "Refused: no coordinator")
        await anyio.sleep(AFTER_AN_ERROR * 3)
        assert consuming.has_joined
    assert desk.stages(Function.SUBSCRIBE) == ["invoke", "fail", "invoke", "info", "invoke", "ok"]


@at_once
async def test_an_error_does_not_stop_it(desk: Desk) -> None:
    """Neither of a receive, after which it pauses, nor of an acknowledgement."""
    desk.bare.errors = {"receive": [OSError("reset")] * 3, "ack": [TimeoutError("late")]}
    desk.bare.batches = [[delivery(1), delivery(2)]]
    begun = time.monotonic()
    consuming = await consumed(desk, 3.0)
    assert consuming.received == 2
    assert sorted(desk.stages(Function.ACK)) == ["info", "invoke", "invoke", "ok"]
    assert desk.stages(Function.RECEIVE).count("info") == 3
    assert time.monotonic() - begun < 3.0 + RECEIVE_SECONDS + 0.1


@at_once
async def test_it_leaves_its_group_once_told_to(desk: Desk) -> None:
    """After the receive under way, and in good order."""
    await consumed(desk, 1.0)
    assert desk.bare.called[-1] == "close"
    assert desk.stages(Function.RECEIVE)[-1] == "ok"


@at_once
async def test_a_member_that_never_joined_has_nothing_to_leave(desk: Desk) -> None:
    """It ends all the same."""
    desk.bare.errors["subscribe"] = [Refused("no")] * 1000
    consuming = await consumed(desk, 1.0)
    assert not consuming.has_joined
    assert desk.ops(Function.CLOSE) == []


@at_once
async def test_a_killed_consumer_never_leaves(desk: Desk) -> None:
    """It stops where it is: no close, no acknowledgement, and its receive has no known end."""
    desk.bare.batches = [[delivery(1), delivery(2)]]
    task = ConsumerTask(desk.client, Consuming(desk.client, ORDERS, BILLING, acks=False))
    await anyio.sleep(1.2)
    assert task.delivered() == 2
    task.kill()
    task.kill()
    await asyncio.wait([task._task])
    assert task._task.cancelled()
    assert "close" not in desk.bare.called
    assert desk.stages(Function.RECEIVE)[-1] == "info"
    assert task.delivered() == 2


@at_once
async def test_a_consumer_that_died_by_itself_says_so(desk: Desk) -> None:
    """Who waits for its deliveries hears of its error at once."""
    desk.bare.errors["connect"] = [OSError("refused")]
    task = ConsumerTask(desk.client, Consuming(desk.client, ORDERS, BILLING))
    await asyncio.wait([task._task])
    with pytest.raises(HarnessError, match="OSError: refused"):
        task.delivered()

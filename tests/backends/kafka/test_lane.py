"""Threads for calls that may block: order, errors, and giving up in time."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from harness.backends.kafka.errors import ClientClosed
from harness.backends.kafka.lane import Lane, bounded, once

pytestmark = pytest.mark.anyio


async def test_calls_are_made_in_order_in_one_thread() -> None:
    """Posted and awaited calls share the lane's thread and its order."""
    lane, made = Lane("lane"), []
    lane.post(lambda: made.append("first"))
    assert await lane.run(threading.get_ident) == await lane.run(threading.get_ident) != threading.get_ident()
    lane.post(lambda: 1 / 0)
    await lane.run(lambda: made.append("second"))
    assert made == ["first", "second"]
    lane.end()


async def test_what_a_call_raises_is_the_callers() -> None:
    """And the lane goes on."""
    lane = Lane("lane")
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda: 1 / 0)
    assert await lane.run(lambda: 7) == 7
    lane.end()


async def test_an_ended_lane_makes_the_calls_it_has_and_refuses_others() -> None:
    """Nothing waits for an answer that will never come."""
    lane, made = Lane("lane"), threading.Event()
    lane.post(made.set)
    lane.end()
    with pytest.raises(ClientClosed):
        await lane.run(lambda: None)
    assert await once(lambda: made.wait(2))


async def test_a_blocked_call_holds_up_neither_the_loop_nor_its_end() -> None:
    """A cancelled caller leaves at once; ending is waited for as long as was said, and no longer."""
    lane, release = Lane("lane"), threading.Event()
    blocked = asyncio.ensure_future(lane.run(release.wait))
    await asyncio.sleep(0)
    started = time.monotonic()
    await bounded(lane.run(lambda: None), 0.05)
    assert 0.05 <= time.monotonic() - started < 1
    blocked.cancel()
    release.set()
    assert await lane.run(lambda: "free") == "free"
    lane.end()

"""Time that passes at once: in order, for all who look, and never for ever."""

from __future__ import annotations

import asyncio
import random
import time

import anyio
import pytest
from anyio import to_thread

from tests.scenario.virtual_time import LATE_NS, run_at_once

LATE = LATE_NS / 1e9


def test_an_hour_takes_no_time() -> None:
    """Sleeping moves the clock that everybody looks at, and no other."""
    real = time.perf_counter()

    async def sleep() -> float:
        begun = time.monotonic()
        await anyio.sleep(3600.0)
        return time.monotonic() - begun

    assert 3600.0 <= run_at_once(sleep) < 3600.0 + 2 * LATE
    assert time.perf_counter() - real < 60.0


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    """Timers of several tasks are kept apart, with their deadlines."""
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(name)

    async def race() -> None:
        async with anyio.create_task_group() as tasks:
            for number in random.Random(7).sample(range(20), 20):
                tasks.start_soon(sleeper, f"{number:02}", number * 0.1)
        with anyio.move_on_after(1.0) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught

    run_at_once(race)
    assert woken == sorted(woken)


def test_no_two_looks_see_the_same_time() -> None:
    """Every record of a history has a time of its own."""

    async def look() -> list[int]:
        return [time.monotonic_ns() for _ in range(100)]

    seen = run_at_once(look)
    assert seen == sorted(set(seen))


def test_a_seed_decides_how_late_everybody_is() -> None:
    """One seed gives one course of things."""

    async def wake() -> list[int]:
        times = []
        for _ in range(10):
            await anyio.sleep(0.01)
            times.append(time.monotonic_ns())
        return times

    assert run_at_once(wake, 1) == run_at_once(wake, 1) != run_at_once(wake, 2)


def test_a_thread_is_none() -> None:
    """What is given to a worker thread is done at once, in its place in the order."""

    async def work() -> str:
        return await to_thread.run_sync(lambda: f"{time.monotonic():.0f}")

    assert run_at_once(work) == "1000"


def test_waiting_for_what_never_comes_is_an_error() -> None:
    """A loop in which nothing can ever happen again says so, where a real one would hang."""

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="never happen"):
        run_at_once(wait)


def test_real_time_is_back_afterwards() -> None:
    """The clocks are the machine's again."""
    before = time.monotonic()
    run_at_once(lambda: anyio.sleep(10.0))
    assert before <= time.monotonic() < before + 9.0

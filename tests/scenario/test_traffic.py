"""Traffic beside a scenario's own steps: it ends with its block, whatever ends that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import cast

import anyio
import pytest

from harness.model.errors import HarnessError
from harness.scenario.traffic import STOP_WITHIN, Workload, running
from tests.scenario.virtual_time import at_once


class Told:
    """A workload whose every step of work takes a second."""

    def __init__(self, step: Callable[[], Awaitable[None]] | None = None) -> None:
        self.steps = 0
        self.finished = False
        self.cancelled = False
        self._step = step or self._a_second
        self._stopping = False

    async def _a_second(self) -> None:
        await anyio.sleep(1.0)

    async def run(self) -> None:
        try:
            while not self._stopping:
                await self._step()
                self.steps += 1
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    def stop(self) -> None:
        self._stopping = True

    async def finish(self) -> None:
        await anyio.sleep(0.5)
        self.finished = True


def workloads(*told: Told) -> list[Workload]:
    """What ``running`` takes."""
    return cast("list[Workload]", list(told))


async def break_down() -> None:
    """Fail, as a workload must not."""
    raise ValueError("a bug of the workload")


@at_once
async def test_workloads_run_while_the_block_does() -> None:
    """They finish the step they are at, and then leave in good order."""
    told = Told()
    async with running(workloads(told)):
        await anyio.sleep(2.5)
    assert (told.steps, told.finished, told.cancelled) == (3, True, False)


@at_once
async def test_a_block_that_fails_ends_its_traffic() -> None:
    """The error gets out as it is, after the workloads have finished."""
    told = Told()
    with pytest.raises(LookupError):
        async with running(workloads(told)):
            raise LookupError
    assert (told.finished, told.cancelled) == (True, False)


@at_once
async def test_a_cancelled_block_ends_its_traffic_too() -> None:
    """At a case's deadline no operation is left under way: its end would be in no history."""
    told = Told()
    with anyio.move_on_after(2.5) as scope:
        async with running(workloads(told)):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert (told.steps, told.finished, told.cancelled) == (3, True, False)


@at_once
async def test_a_workload_that_does_not_stop_is_told_of() -> None:
    """It is cancelled after its time, and the case fails for it."""
    stuck, well = Told(anyio.sleep_forever), Told()
    begun = time.monotonic()
    with pytest.raises(HarnessError, match="1 workloads were still at work"):
        async with running(workloads(stuck, well)):
            await anyio.sleep(1.0)
    assert STOP_WITHIN <= time.monotonic() - begun - 1.0 < STOP_WITHIN + 1.0
    assert (stuck.cancelled, stuck.finished, well.finished) == (True, True, True)


@at_once
async def test_a_workload_that_breaks_down_fails_the_case() -> None:
    """Not in the middle, where it would look like a cancellation, but at the end, with its error."""
    reached = asyncio.Event()

    async def block() -> None:
        async with running(workloads(Told(break_down))):
            await anyio.sleep(1.0)
            reached.set()

    with pytest.raises(HarnessError, match="ValueError: a bug of the workload"):
        await block()
    assert reached.is_set()

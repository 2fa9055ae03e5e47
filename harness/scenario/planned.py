"""A plan of faults carried out beside the scenario: every fault healed when its block ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio

from harness.faults.compose import AllOf, Hold, InSequence, Plan, Quiet, Repeat
from harness.faults.contract import Fault
from harness.model.errors import DeadlineExceeded, HarnessError
from harness.scenario.striking import Strike

Striker = Callable[[Fault, str], AbstractAsyncContextManager[Strike]]
"""Puts a fault in force; the text is its place in the plan, from which what it draws is seeded."""

END_WITHIN = 90.0
"""Seconds for what is in force to be healed once the block has ended."""


class Progress:
    """What a scenario holds while a plan is carried out."""

    def __init__(self, plan: Plan, strike: Striker) -> None:
        self._plan = plan
        self._strike = strike
        self._stopping = anyio.Event()
        self._over = anyio.Event()
        self.begun = 0

    async def run(self) -> None:
        """Carry the plan out, or as much of it as there is before ``stop``."""
        try:
            await self._carry_out(self._plan, "plan")
        finally:
            self._over.set()

    def stop(self) -> None:
        """Begin nothing more, and heal what is in force."""
        self._stopping.set()

    async def finished(self, within: float) -> None:
        """Return when all was carried out; raises ``DeadlineExceeded`` after ``within`` seconds."""
        with anyio.move_on_after(within):
            await self._over.wait()
            return
        raise DeadlineExceeded("the plan is carried out", within, f"{self.begun} faults begun")

    async def _carry_out(self, plan: Plan, place: str) -> None:
        if self._stopping.is_set():
            return
        match plan:
            case Hold():
                await self._hold(plan, place)
            case Quiet():
                await self._wait(plan.seconds)
            case InSequence():
                for number, part in enumerate(plan.plans, 1):
                    await self._carry_out(part, f"{place}.{number}")
            case AllOf():
                await self._side_by_side(plan, place)
            case Repeat():
                for number in range(1, plan.times + 1):
                    await self._carry_out(plan.plan, f"{place}.{number}")

    async def _hold(self, plan: Hold, place: str) -> None:
        self.begun += 1
        async with self._strike(plan.fault, place):
            await self._wait(plan.seconds)

    async def _side_by_side(self, plan: AllOf, place: str) -> None:
        parts = (self._carry_out(part, f"{place}.{number}") for number, part in enumerate(plan.plans, 1))
        # Not a task group: where one cannot be injected, the others go on to their own end.
        ends = await asyncio.gather(*parts, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end

    async def _wait(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await self._stopping.wait()


@asynccontextmanager
async def carrying_out(plan: Plan, strike: Striker) -> AsyncIterator[Progress]:
    """Carry out a plan while the block runs; what is in force at its end is healed then.

    Raises ``HarnessError`` when a fault could not be injected, or what was in force did not end.
    """
    progress = Progress(plan, strike)
    task = asyncio.create_task(progress.run())
    try:
        yield progress
    except BaseException:
        task.cancel()
        raise
    finally:
        progress.stop()
        with anyio.CancelScope(shield=True):
            _, stuck = await asyncio.wait([task], timeout=END_WITHIN)
        if stuck:
            task.cancel()
    if stuck:
        raise HarnessError(f"the plan's faults were not healed {END_WITHIN:g} s after its block had ended")
    if error := task.exception():
        raise HarnessError(f"the plan ended by itself: {type(error).__name__}: {error}") from error

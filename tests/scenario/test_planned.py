"""Carrying out plans: in order, side by side, cut short, and failing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

import pytest

from harness.faults import Kill, NoFault, Pause
from harness.faults.compose import all_of, flapping, hold, in_sequence, quiet
from harness.faults.contract import Fault
from harness.model.errors import DeadlineExceeded, HarnessError
from harness.scenario.planned import carrying_out
from harness.scenario.striking import Strike

pytestmark = pytest.mark.anyio


class Strikes:
    """Stands for the case: notes what is in force, and refuses to inject a kill."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def __call__(self, fault: Fault, place: str) -> AbstractAsyncContextManager[Strike]:
        return self._strike(fault, place)

    @asynccontextmanager
    async def _strike(self, fault: Fault, place: str) -> AsyncIterator[Strike]:
        if isinstance(fault, Kill):
            raise DeadlineExceeded("killed", 1, "nothing")
        self.notes.append(f"+{place}")
        try:
            yield cast("Strike", None)
        finally:
            self.notes.append(f"-{place}")


async def test_a_sequence_and_its_repetitions_have_places_of_their_own() -> None:
    """Each fault is healed before the next, and no two have one place."""
    strikes = Strikes()
    plan = in_sequence(hold(Pause(), 0.01), flapping(NoFault(), down=0.01, up=0.01, times=2))
    async with carrying_out(plan, strikes) as progress:
        await progress.finished(within=5)
    places = ["plan.1", "plan.2.1.1", "plan.2.2.1"]
    assert strikes.notes == [f"{sign}{place}" for place in places for sign in "+-"]
    assert progress.begun == 3


async def test_faults_side_by_side_overlap() -> None:
    """All are in force before the first is healed."""
    strikes = Strikes()
    async with carrying_out(all_of(hold(Pause(), 0.05), hold(NoFault(), 0.05)), strikes) as progress:
        await progress.finished(within=5)
    assert strikes.notes[:2] == ["+plan.1", "+plan.2"]
    assert sorted(strikes.notes[2:]) == ["-plan.1", "-plan.2"]


async def test_the_end_of_the_block_heals_what_is_in_force() -> None:
    """Nothing new begins after it, and nothing is left."""
    strikes = Strikes()
    async with carrying_out(in_sequence(hold(Pause(), 60), hold(Pause(), 60)), strikes):
        await asyncio.sleep(0.01)
    assert strikes.notes == ["+plan.1", "-plan.1"]


async def test_a_block_that_fails_heals_and_fails_with_its_own_error() -> None:
    """The scenario's error is not hidden by the plan's end."""
    strikes = Strikes()

    async def block() -> None:
        async with carrying_out(hold(Pause(), 60), strikes):
            await asyncio.sleep(0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()
    assert strikes.notes == ["+plan", "-plan"]


async def test_a_fault_that_cannot_be_injected_is_told_at_the_end() -> None:
    """The plan ends, and what ran beside it is healed."""
    strikes = Strikes()
    with pytest.raises(HarnessError, match="killed: not within"):
        async with carrying_out(all_of(hold(Kill(), 1), hold(Pause(), 0.01)), strikes) as progress:
            await progress.finished(within=5)
    assert strikes.notes == ["+plan.2", "-plan.2"]


async def test_waiting_for_a_long_plan_has_a_deadline() -> None:
    """The error says how far it got."""
    with pytest.raises(DeadlineExceeded, match="1 faults begun"):
        async with carrying_out(in_sequence(hold(NoFault(), 60), quiet(1)), Strikes()) as progress:
            await progress.finished(within=0.05)

"""Waiting for a condition: bounded whatever the probe does, and with an error that says what was seen."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
import pytest

from harness.model.errors import DeadlineExceeded
from harness.waits import wait_for_condition
from tests.scenario.virtual_time import at_once


def answering(*answers: object) -> Callable[[], Awaitable[object]]:
    """A probe with these answers, of which the last is given for ever; errors are raised."""
    left = list(answers)

    async def probe() -> object:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return probe


@at_once
async def test_the_first_true_answer_is_returned() -> None:
    """False answers are asked again, after ``every`` seconds each."""
    begun = time.monotonic()
    answer = await wait_for_condition(answering(0, "", None, 7), condition="seven", within=10.0, every=1.0)
    assert answer == 7
    assert 3.0 <= time.monotonic() - begun < 3.1


@at_once
async def test_until_decides_what_is_accepted() -> None:
    """An empty answer can be what is waited for."""
    probe = answering(["one"], [])
    assert await wait_for_condition(probe, condition="none left", within=1.0, until=lambda it: not it) == []


@at_once
async def test_a_true_answer_at_once_costs_nothing() -> None:
    """No pause comes before the first look."""
    begun = time.monotonic()
    await wait_for_condition(answering(1), condition="one", within=10.0, every=5.0)
    assert time.monotonic() - begun < 0.1


@at_once
async def test_the_error_says_what_was_seen_last() -> None:
    """Condition, time and last answer, as attributes too."""
    with pytest.raises(DeadlineExceeded, match=r"leader elected: not within 2 s; last seen: 0") as missed:
        await wait_for_condition(answering("", 0), condition="leader elected", within=2.0)
    assert (missed.value.condition, missed.value.last_seen) == ("leader elected", 0)


@at_once
async def test_a_probe_that_raises_is_asked_again() -> None:
    """Its error is what was seen last, until it answers."""
    assert await wait_for_condition(answering(OSError("refused"), 1), condition="up", within=1.0) == 1
    with pytest.raises(DeadlineExceeded, match="last seen: OSError: refused"):
        await wait_for_condition(answering(OSError("refused")), condition="up", within=1.0)


@at_once
async def test_a_probe_that_hangs_is_abandoned_at_the_deadline() -> None:
    """It was seen to say nothing."""
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="last seen: nothing"):
        await wait_for_condition(anyio.sleep_forever, condition="up", within=3.0)
    assert 3.0 <= time.monotonic() - begun < 3.1


@at_once
async def test_a_pause_does_not_outlast_the_deadline() -> None:
    """However rarely the probe is asked."""
    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        await wait_for_condition(answering(0), condition="up", within=1.0, every=60.0)
    assert time.monotonic() - begun < 1.1


@at_once
async def test_cancellation_goes_through() -> None:
    """Who is cancelled while waiting is not kept."""
    with anyio.move_on_after(1.0) as scope:
        await wait_for_condition(anyio.sleep_forever, condition="never", within=60.0)
    assert scope.cancelled_caught


@at_once
async def test_no_time_left_is_a_deadline_missed() -> None:
    """A wait that begins after its deadline ends at once."""
    with pytest.raises(DeadlineExceeded):
        await wait_for_condition(answering(1), condition="one", within=0.0)

"""Waiting for a condition, with a deadline and an error that says what was seen last."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from harness.model.errors import DeadlineExceeded

T = TypeVar("T")


async def wait_for_condition(
    probe: Callable[[], Awaitable[T]],
    *,
    condition: str,
    within: float,
    until: Callable[[T], bool] = bool,
    every: float = 0.02,
) -> T:
    """Ask ``probe`` again and again until ``until`` accepts its answer, and return that answer.

    ``within`` and ``every`` are seconds; ``condition`` names what is waited for. A probe that
    raises has seen no answer: its error is what was seen last. A probe that hangs is abandoned at
    the deadline. Raises ``DeadlineExceeded`` with what was seen last.
    """
    deadline = time.monotonic() + within
    last_seen: object = "nothing"
    while (left := deadline - time.monotonic()) > 0:
        with anyio.move_on_after(left):
            try:
                answer = await probe()
            except Exception as error:  # noqa: BLE001 - whatever a probe meets is only what was seen last
                last_seen = f"{type(error).__name__}: {error}"
            else:
                if until(answer):
                    return answer
                last_seen = answer
            await anyio.sleep(every)
    raise DeadlineExceeded(condition, within, last_seen)

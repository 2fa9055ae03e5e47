"""A case ends in time, gently if it can and hard if it must.

The test's own code is cancelled at its deadline, inside the event loop, so that its faults heal.
What blocks the loop itself is beyond that reach: a while later the interpreter writes down where
every thread stands and exits, and the janitor and xdist see to the rest.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from anyio import CancelScope

from harness.model.errors import DeadlineExceeded

GRACE = 60.0
"""Seconds between the deadline and the hard exit: healing a cluster takes up to half of it."""

SETUP_WITHIN = 900.0
"""Seconds: the pool gives up on room and on booting long before, with a better error."""


class HasPhase(Protocol):
    """The part of a case that a deadline is worded with."""

    @property
    def phase_now(self) -> str: ...


Test = Callable[..., Awaitable[Any]]


def bounded(test: Test, case: HasPhase, seconds: float) -> Test:
    """Wrap ``test``: it raises ``DeadlineExceeded``, naming the phase, once ``seconds`` have passed."""

    async def run(**arguments: object) -> None:
        __tracebackhide__ = True
        scope = CancelScope()
        expired: list[str] = []

        def expire() -> None:
            # Noted now: by the time the cancellation is through, the phases have unwound.
            expired.append(case.phase_now)
            scope.cancel()

        timer = asyncio.get_running_loop().call_later(seconds, expire)
        try:
            with scope:
                await test(**arguments)
        except Exception as error:
            if expired:
                raise _exceeded(expired[0], seconds) from error
            raise
        finally:
            timer.cancel()
        if scope.cancelled_caught:
            raise _exceeded(expired[0], seconds)

    return run


def _exceeded(phase: str, seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded("the test has ended", seconds, f"phase {phase!r}")


@contextmanager
def hard_exit(config: pytest.Config, seconds: float) -> Iterator[None]:
    """End this process with a traceback of every thread unless the block is left in ``seconds``."""
    # Standard error is captured while a test runs; pytest keeps a copy of the real one.
    stderr = config.stash.get(fault_handler_stderr_fd_key, 2)
    faulthandler.dump_traceback_later(seconds, exit=True, file=stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()

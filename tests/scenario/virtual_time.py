"""An event loop whose time passes at once: sleeping for an hour takes none, and nothing is a race.

Whatever asks ``time.monotonic`` or ``time.monotonic_ns``, and the loop's own timers, see a clock
that stands still while anything can run and jumps to the next timer when nothing can, and a little
further, for no machine wakes anybody in time: how much is decided by a seed, so that another seed
gives another order of things. Each look at it takes a microsecond, so that no two records of a
history have one time. What the harness gives to a worker thread runs in the loop itself: a thread
would be waited for in real time.
"""

from __future__ import annotations

import asyncio
import random
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from unittest import mock

from anyio import to_thread

T = TypeVar("T")
P = ParamSpec("P")

LOOK_NS = 1_000
START_NS = 1_000 * 1_000_000_000
LATE_NS = 2_000_000
"""The most by which the clock is late when somebody is woken."""


class Clock:
    """Time that passes when it is looked at or told to."""

    def __init__(self, seed: int) -> None:
        self._now = START_NS
        self._rng = random.Random(seed)

    def nanoseconds(self) -> int:
        """In the place of ``time.monotonic_ns``."""
        self._now += LOOK_NS
        return self._now

    def seconds(self) -> float:
        """In the place of ``time.monotonic``."""
        return self.nanoseconds() / 1e9

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self._now += round(seconds * 1e9) + self._rng.randint(LOOK_NS, LATE_NS)


class _NothingToWaitFor(RuntimeError):
    """Raised instead of waiting for ever: no timer runs and nothing else can happen."""


class _Jumping(selectors.DefaultSelector):
    """Jumps over the time in which nothing happens."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise _NothingToWaitFor("every task waits for something that will never happen")
        self._clock.pass_by(timeout)
        return []


async def _at_once(work: Callable[..., T], *arguments: Any, **_: Any) -> T:
    return work(*arguments)


@contextmanager
def virtual_time(seed: int = 0) -> Iterator[Clock]:
    """Have time pass at once within the block, for code without a loop."""
    clock = Clock(seed)
    with (
        mock.patch.object(time, "monotonic", clock.seconds),
        mock.patch.object(time, "monotonic_ns", clock.nanoseconds),
        mock.patch.object(time, "sleep", clock.pass_by),
        mock.patch.object(to_thread, "run_sync", _at_once),
    ):
        yield clock


def run_at_once(main: Callable[[], Coroutine[Any, Any, T]], seed: int = 0) -> T:
    """Run ``main()`` in a loop of its own, in no time."""
    with virtual_time(seed) as clock:
        loop = asyncio.SelectorEventLoop(_Jumping(clock))
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(main())


def at_once(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make an asynchronous test one that takes no time; its fixtures are made in real time."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_at_once(lambda: test(*args, **kwargs))

    return run

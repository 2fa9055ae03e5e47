"""Threads for calls that may block for ever, so that the event loop never waits for one of them.

Such a thread is a daemon: what librdkafka does not return from is abandoned with it, and neither
the event loop nor the end of the process waits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from harness.backends.kafka.errors import ClientClosed

_T = TypeVar("_T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any] | None"]


class Lane:
    """One thread that makes one call after another, in the order they were asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._ended = False
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    async def run(self, call: Callable[[], _T]) -> _T:
        """Make the call after those before it; a cancelled caller does not stop the call.

        Raises ``ClientClosed`` when the lane has been ended.
        """
        if self._ended:
            raise ClientClosed(self._name)
        future: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._jobs.put((call, future))
        return await future

    def post(self, call: Callable[[], object]) -> None:
        """Make the call after those before it; nobody hears how it ended."""
        self._jobs.put((call, None))

    def end(self) -> None:
        """Let the thread end after the calls already asked for."""
        self._ended = True
        self._jobs.put(None)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                outcome, failed = call(), False
            except BaseException as error:  # noqa: BLE001 - it is the caller's, who is in another thread
                outcome, failed = error, True
            if future is not None:
                with suppress(RuntimeError):  # the caller's loop has ended
                    future.get_loop().call_soon_threadsafe(_tell, future, outcome, failed)
            del job, call, future, outcome  # a client must not live on in a waiting thread


def _tell(future: asyncio.Future[Any], outcome: Any, failed: bool) -> None:  # noqa: FBT001 - a callback
    if future.done():
        return
    if failed:
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


async def once(call: Callable[[], _T]) -> _T:
    """Make one call in a thread of its own."""
    lane = Lane("kafka-call")
    try:
        return await lane.run(call)
    finally:
        lane.end()


async def bounded(ending: Awaitable[object], within: float) -> None:
    """Wait for something to end, at most ``within`` seconds, whatever comes of it."""
    with suppress(Exception):
        await asyncio.wait_for(ending, within)

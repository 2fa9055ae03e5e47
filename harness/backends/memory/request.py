"""A request on its way: made in an event loop, answered from whichever thread can."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.model.link import Link
    from harness.model.message import Message


@dataclass(slots=True, eq=False)
class Request:
    """What a client sent and waits for.

    ``act`` carries it out and answers; None means "not yet". A ``lasting`` request is carried out
    even after its client has given up, as what sits in a frozen node's socket buffer is; the
    others (a long poll) are dropped. ``seat`` None asks the node for itself. ``deadline`` is on
    the cluster's clock. ``message`` is what a publish is about.
    """

    seat: str | None
    link: Link
    act: Callable[[float], Any]
    deadline: float
    owner: object
    lasting: bool = True
    message: Message | None = None
    answer: Any = None
    error: Exception | None = None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_over(self) -> bool:
        """Whether the client has, or would have had, its answer."""
        return self.answer is not None or self.error is not None

    def end(self, answer: Any = None, error: Exception | None = None) -> None:
        """Answer the client, unless it was told something before."""
        if not self.is_over:
            self.answer, self.error = answer, error
            self.wake()

    def wake(self) -> None:
        """Have the client look again; from any thread."""
        with suppress(RuntimeError):  # its loop is closed: the client is gone, the request is not
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self, seconds: float) -> None:
        """Wait to be woken, at most ``seconds``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._woken.wait()
        self._woken.clear()

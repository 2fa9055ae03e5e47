"""Watching whether the machine lets the event loop run, because a late reader is not a late broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from harness.scenario.ledger import Ledger

EVERY = 0.1
STARVED_AFTER = 0.75
"""Seconds by which the loop was late; leases in the matrix are seconds long."""


@asynccontextmanager
async def watching_for_starvation(ledger: Ledger) -> AsyncIterator[None]:
    """Write an observation ``starved`` whenever the event loop was kept from running for long."""
    task = asyncio.create_task(_watch(ledger))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(ledger: Ledger) -> None:
    while True:
        due = time.monotonic() + EVERY
        await asyncio.sleep(EVERY)
        late = time.monotonic() - due
        if late > STARVED_AFTER:
            ledger.observe("starved", value=late, detail=f"the event loop was {late:.2f} s late")

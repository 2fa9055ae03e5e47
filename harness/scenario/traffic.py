"""Traffic of a case: workloads that run beside the scenario's own steps and end with their block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio

from harness.model.errors import HarnessError
from harness.workloads.consuming import Consuming
from harness.workloads.publishing import Publishing

Workload = Publishing | Consuming

STOP_WITHIN = 30.0
"""Seconds for a workload to end what it has begun: a consumer may be in the middle of joining anew."""


@asynccontextmanager
async def running(workloads: Sequence[Workload]) -> AsyncIterator[None]:
    """Run workloads side by side while the block runs, then have them stop and finish.

    Tasks rather than a task group: a task group would cancel the scenario when a workload fails,
    and the case would end with a cancellation instead of its verdict. They are asked to stop
    rather than cancelled, so that no operation ends unknown for our own sake. Raises
    ``HarnessError`` when a workload has ended by itself, or does not end.
    """
    tasks = [asyncio.create_task(workload.run()) for workload in workloads]
    try:
        yield
    finally:
        # Shielded: a case that is cancelled at its deadline would leave its operations without an end.
        with anyio.CancelScope(shield=True):
            for workload in workloads:
                workload.stop()
            _, stuck = await asyncio.wait(tasks, timeout=STOP_WITHIN)
            for task in stuck:
                task.cancel()
            await asyncio.gather(*(workload.finish() for workload in workloads), return_exceptions=True)
    if stuck:
        raise HarnessError(
            f"{len(stuck)} workloads were still at work {STOP_WITHIN:g} s after they were stopped"
        )
    for task in tasks:
        if error := task.exception():
            raise HarnessError(f"a workload ended by itself: {type(error).__name__}: {error}") from error

"""Traffic of a case: workloads that run beside the scenario's own steps and end with their block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from harness.model.errors import HarnessError
from harness.workloads.consuming import Consuming
from harness.workloads.publishing import Publishing

Workload = Publishing | Consuming


@asynccontextmanager
async def running(workloads: Sequence[Workload]) -> AsyncIterator[None]:
    """Run workloads side by side while the block runs, then let them finish.

    Tasks rather than a task group: a task group would cancel the scenario when a workload fails,
    and the case would end with a cancellation instead of its verdict. Raises ``HarnessError``
    when a workload has ended by itself, which none does.
    """
    tasks = [asyncio.create_task(workload.run()) for workload in workloads]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        endings = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(workload.finish() for workload in workloads), return_exceptions=True)
    for ending in endings:
        if isinstance(ending, Exception):
            raise HarnessError(f"a workload ended by itself: {type(ending).__name__}: {ending}") from ending

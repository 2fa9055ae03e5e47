"""Publishing at a rate, whatever the broker does.

An open loop: the next message is due at its time, not when the last one was acknowledged, because
a fault that stalls one publish must not silence the others. ``in_flight`` bounds it; what is due
beyond that is left out, as a real producer with a full buffer would.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass

from harness.model.destination import Destination
from harness.model.message import Message
from harness.workloads.recorded import RecordedClient


@dataclass(frozen=True, slots=True)
class PublishingOptions:
    """``rate`` in messages a second, ``payload`` in bytes, ``timeout`` in seconds for one publish."""

    rate: float = 200.0
    keys: int = 8
    payload: int = 64
    timeout: float = 3.0
    in_flight: int = 64


class Publishing:
    """One writer; ``run`` until ``stop``, then ``finish``."""

    def __init__(
        self,
        client: RecordedClient,
        destination: Destination,
        options: PublishingOptions,
        rng: random.Random,
    ) -> None:
        self._client = client
        self._destination = destination
        self._options = options
        self._rng = rng
        self._counter = 0
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def published(self) -> int:
        """How many publishes were begun."""
        return self._counter

    def stop(self) -> None:
        """Have ``run`` end before its next message."""
        self._stopping = True

    async def run(self) -> None:
        """Publish at the rate until stopped."""
        begun = time.monotonic()
        due = 0
        while not self._stopping:
            await asyncio.sleep(max(0.0, begun + due / self._options.rate - time.monotonic()))
            due += 1
            if len(self._under_way) < self._options.in_flight:
                self._begin()

    def _begin(self) -> None:
        task = asyncio.create_task(self._publish(self._next_message()))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _next_message(self) -> Message:
        self._counter += 1
        key = f"k{self._rng.randrange(self._options.keys)}".encode()
        payload = self._rng.randbytes(self._options.payload)
        return Message(id=f"{self._client.name}-{self._counter}", payload=payload, key=key)

    async def _publish(self, message: Message) -> None:
        with suppress(Exception):  # recorded with its meaning; traffic goes on
            async with asyncio.timeout(self._options.timeout + 1.0):
                await self._client.publish(self._destination, message, self._options.timeout)

    async def finish(self) -> None:
        """Let what is under way end; its own timeouts bound that."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=self._options.timeout + 2.0)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

"""What stands in for a consumer process on a backend that lives inside this one.

Killing it stops its task where it is: it never leaves its group, hands nothing back and answers
nothing any more, which is all that a broker can see of a killed process.
"""

from __future__ import annotations

import asyncio

from harness.model.errors import BadOption, HarnessError
from harness.workloads.consuming import Consuming
from harness.workloads.recorded import RecordedClient


class ConsumerTask:
    """A consumer that can be killed, with the interface of ``ConsumerProcess``."""

    def __init__(self, client: RecordedClient, consuming: Consuming) -> None:
        self._client = client
        self._consuming = consuming
        self._task = asyncio.create_task(self._consume())

    def delivered(self) -> int:
        """How many deliveries it has had so far; raises ``HarnessError`` if it died by itself."""
        if self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
            raise HarnessError(f"the consumer ended by itself: {type(error).__name__}: {error}") from error
        return self._consuming.received

    def freeze(self) -> None:
        """Raise ``BadOption``: a task cannot be stopped between two instructions, as a process can."""
        raise BadOption(
            "freeze", self._client.name, "it is a task of this process; use a backend in containers"
        )

    def thaw(self) -> None:
        """Do nothing: it was never frozen."""

    def kill(self) -> None:
        """Stop it where it is; harmless twice."""
        self._task.cancel()

    async def _consume(self) -> None:
        await self._client.connect()
        await self._consuming.run()

"""Consuming in a group: join, receive, acknowledge, go on, whatever the broker does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.message import Delivery
from harness.workloads.recorded import RecordedClient, RecordedSubscription

RECEIVE_LIMIT = 100
RECEIVE_SECONDS = 0.5
AFTER_AN_ERROR = 0.1
"""Seconds before the next attempt: a broker without a leader refuses 10,000 times a second."""
ACK_WITHIN = 8.0
"""Seconds for one acknowledgement; a synchronous commit may wait for its coordinator for ever."""


class Consuming:
    """One member of a group; ``run`` until ``stop``, then ``finish``.

    With ``acks`` False it takes and never acknowledges: a consumer that hangs in its work.
    """

    def __init__(
        self,
        client: RecordedClient,
        destination: Destination,
        config: ConsumerConfig,
        *,
        acks: bool = True,
    ) -> None:
        self._client = client
        self._destination = destination
        self._config = config
        self._acks = acks
        self._subscription: RecordedSubscription | None = None
        self._stopping = False
        self.received = 0
        self.last_error = ""

    @property
    def has_joined(self) -> bool:
        """Whether a subscribe has succeeded."""
        return self._subscription is not None

    def stop(self) -> None:
        """Have ``run`` end once the receive under way has ended, which is half a second at most."""
        self._stopping = True

    async def run(self) -> None:
        """Join, then receive and acknowledge until stopped.

        Joining belongs to it, because where groups rebalance no member gets in while the others
        do not poll. Each attempt is an op of its own.
        """
        while not self._stopping:
            try:
                if self._subscription is None:
                    self._subscription = await self._client.subscribe(self._destination, self._config)
                deliveries = await self._subscription.receive(RECEIVE_LIMIT, RECEIVE_SECONDS)
            except Exception as error:  # noqa: BLE001 - recorded with its meaning; traffic goes on
                self.last_error = f"{type(error).__name__}: {error}"
                await asyncio.sleep(AFTER_AN_ERROR)
                continue
            self.received += len(deliveries)
            if self._acks:
                await asyncio.gather(*(self._ack(delivery) for delivery in deliveries))

    async def _ack(self, delivery: Delivery) -> None:
        assert self._subscription is not None
        with suppress(Exception):  # recorded with its meaning; traffic goes on
            await self._subscription.ack(delivery)

    async def finish(self) -> None:
        """Leave the group."""
        if self._subscription is not None:
            await self._subscription.close()

"""Publishing: one idempotent producer, and a thread that carries delivery reports to the event loop.

A publish is one ``produce``. librdkafka may send it more than once within ``DELIVERY_TIMEOUT``, under
a sequence number by which the broker tells copies apart; that is one operation, stored at most once.
A publish whose own timeout ends earlier goes on in the background, as it would on any client: its
outcome is unknown.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from harness.backends.kafka import messages, settings
from harness.backends.kafka.pulse import Pulse
from harness.model.message import Message, Receipt

_ANSWER = 2.0
"""Seconds any broker has to answer when a client connects."""

_Report = tuple["asyncio.Future[Receipt]", KafkaError | None, Any]

CLOSE_WITHIN = 2.0
"""Seconds after which a producer that does not close is left to its thread."""


class Publisher:
    """One producer; a fatal error makes it useless, and its owner then makes another."""

    def __init__(self, shared: settings.Settings) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._reports: list[_Report] = []
        self._ending = False
        self.fatal = False
        self.pulse = Pulse()
        self._producer = Producer(settings.producing(shared, self.pulse.hear, self._on_error))
        threading.Thread(target=self._serve, name="kafka-producer", daemon=True).start()

    def reach(self) -> None:
        """Ask any broker for its metadata; blocks up to 2 s, raises ``KafkaException`` if none answers."""
        self._producer.list_topics("", timeout=_ANSWER)

    async def publish(self, topic: str, message: Message, timeout: float) -> Receipt:
        """Publish once and wait for the delivery report, at most ``timeout`` seconds.

        Raises ``KafkaException`` with the report's error, ``BufferError`` when the local queue is full,
        ``TimeoutError`` when there was no report in time.
        """
        reported: asyncio.Future[Receipt] = self._loop.create_future()
        self._producer.produce(
            topic,
            value=message.payload,
            key=message.key,
            headers=messages.headers(message),
            on_delivery=partial(self._on_delivery, reported),
        )
        async with asyncio.timeout(timeout):
            return await reported

    async def close(self) -> None:
        """Give up what is not yet reported (its outcome is unknown) and close."""
        self._ending = True
        await asyncio.wait([self._closed], timeout=CLOSE_WITHIN)

    def _on_error(self, error: KafkaError) -> None:
        self.fatal = self.fatal or error.fatal()

    def _on_delivery(self, reported: asyncio.Future[Receipt], error: KafkaError | None, record: Any) -> None:
        self._reports.append((reported, error, record))

    def _serve(self) -> None:
        """Serve callbacks; what they report goes to the event loop in one call per round."""
        try:
            while not self._ending:
                self._producer.poll(0.05)
                self._hand_over()
            # close() would first send what is queued: a closed client sends nothing more.
            self._producer.purge(blocking=False)
            self._producer.poll(0)
            self._hand_over()
            self._producer.close()
            self._hand_over()
        finally:
            self._call(self._closed.cancel)

    def _hand_over(self) -> None:
        if self._reports:
            reports, self._reports = self._reports, []
            self._call(partial(_resolve, reports))

    def _call(self, callback: Any) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it everyone who waited
            self._loop.call_soon_threadsafe(callback)


def _resolve(reports: list[_Report]) -> None:
    for reported, error, record in reports:
        if reported.done():
            continue
        if error is None:
            reported.set_result(Receipt(messages.position(record)))
        else:
            reported.set_exception(KafkaException(error))

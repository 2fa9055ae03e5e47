"""Reading a topic whole, outside of any group."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from harness.backends.kafka import messages, settings
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded
from harness.model.message import Stored

_PROGRESS = 10.0
"""Seconds without any record after which a reading is given up."""


def read(shared: settings.Settings, destination: Destination, ends: Mapping[int, int]) -> list[Stored]:
    """Everything stored before ``ends``, by partition and offset; blocks.

    The ends are asked for first, so that a log that grows is read to a definite point. Raises
    ``KafkaException`` when a partition cannot be read, ``DeadlineExceeded`` when nothing came for ten
    seconds.
    """
    consumer = Consumer(settings.reading_log(shared))
    try:
        filled = [partition for partition, end in ends.items() if end > 0]
        consumer.assign([TopicPartition(destination.name, p, OFFSET_BEGINNING) for p in filled])
        stored = list(_records(consumer, destination, {p: ends[p] for p in filled}))
    finally:
        consumer.close()
    return sorted(stored, key=lambda one: one.position)


def _records(consumer: Consumer, destination: Destination, ends: Mapping[int, int]) -> Iterable[Stored]:
    """Until every partition was read to its end; the last offsets may hold no message of anyone's."""
    unread = dict(ends)
    deadline = time.monotonic() + _PROGRESS
    while unread:
        batch: list[Any] = consumer.consume(5000, 0.05)
        for record in batch:
            deadline = time.monotonic() + _PROGRESS
            partition = record.partition()
            if error := record.error():
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - that is its public name
                    raise KafkaException(error)
                unread.pop(partition, None)
            elif record.offset() < ends[partition]:
                yield Stored(messages.position(record), messages.message(record))
            if record.offset() + 1 >= ends[partition]:
                unread.pop(partition, None)
        if time.monotonic() > deadline:
            what = f"the log of {destination.name} is read"
            raise DeadlineExceeded(what, _PROGRESS, f"unread before offsets {unread}")

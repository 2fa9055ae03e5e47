"""What is published and what is handed over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MESSAGE_ID_HEADER = "harness-message-id"
"""The header (a field on Redis) in which a message's id travels."""


class Position(NamedTuple):
    """Where the broker's log keeps a message; orders messages of one partition.

    NATS: ``(0, stream sequence, 0)``. Kafka: ``(partition, offset, 0)``.
    Redis: ``(0, milliseconds, sequence)`` of the entry id.
    """

    partition: int
    major: int
    minor: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ``id`` is unique in a case: the writer's name, a dash, its counter."""

    id: str
    payload: bytes = b""
    key: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    deduplication_key: str = ""

    @property
    def digest(self) -> str:
        """A fingerprint of key, payload and the user's headers: equal means byte for byte."""
        state = hashlib.blake2b(digest_size=8)
        for part in (self.key, self.payload, *(f"{k}={v}".encode() for k, v in sorted(self.headers.items()))):
            state.update(len(part).to_bytes(8, "big"))
            state.update(part)
        return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the log holds it."""

    position: Position
    message: Message


@dataclass(frozen=True, slots=True)
class Delivery:
    """One hand-over of a stored message to a consumer.

    ``attempt`` counts from 1, ``None`` where the backend does not count. ``destination`` is
    where the broker delivered it from, as a dotted name again. ``handle`` is the backend's own.
    """

    message: Message
    position: Position
    destination: str
    attempt: int | None = None
    handle: Any = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker's acknowledgement of a publish; ``deduplicated``: it was stored before."""

    position: Position
    deduplicated: bool = False

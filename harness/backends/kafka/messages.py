"""Messages as Kafka keeps them: the id travels in a header, an empty key is an empty key."""

from __future__ import annotations

from typing import Any

from harness.model.message import MESSAGE_ID_HEADER, Message, Position


def headers(message: Message) -> list[tuple[str, str | bytes | None]]:
    """The record's headers: ours first, then the user's."""
    return [(MESSAGE_ID_HEADER, message.id), *message.headers.items()]


def position(record: Any) -> Position:
    """Where the log keeps a record."""
    return Position(record.partition(), record.offset())


def message(record: Any) -> Message:
    """A record as a message; one that the harness did not publish has its place for an id."""
    found = {name: (value or b"").decode(errors="replace") for name, value in record.headers() or ()}
    own = found.pop(MESSAGE_ID_HEADER, f"{record.topic()}/{record.partition()}/{record.offset()}")
    return Message(id=own, payload=record.value() or b"", key=record.key() or b"", headers=found)

"""How a message lies in a stream: one entry, whose fields are the message.

``harness-message-id``, ``key`` and ``payload``; a header ``x`` as ``h:x``. Fields of other names
(where a dead letter comes from) are no part of the message.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.destination import Destination
from harness.model.message import MESSAGE_ID_HEADER, Message, Position

_HEADER = b"h:"


def stream_of(destination: Destination) -> str:
    """The stream's key: the dotted name with colons."""
    return destination.name.replace(".", ":")


def dotted_name(key: str) -> str:
    """The destination whose stream ``key`` is; a dotted name has no colon, so nothing is ambiguous."""
    return key.replace(":", ".")


def to_fields(message: Message) -> list[bytes | str]:
    """The entry's fields and values, flat, as ``XADD`` takes them."""
    fields: list[bytes | str] = [
        MESSAGE_ID_HEADER,
        message.id,
        "key",
        message.key,
        "payload",
        message.payload,
    ]
    for name, value in message.headers.items():
        fields += [_HEADER + name.encode(), value]
    return fields


def to_message(flat: Sequence[bytes]) -> Message:
    """The message in an entry's flat fields; an entry of somebody else's has an empty id."""
    fields = dict(zip(flat[::2], flat[1::2], strict=True))
    return Message(
        id=fields.get(MESSAGE_ID_HEADER.encode(), b"").decode(errors="replace"),
        payload=fields.get(b"payload", b""),
        key=fields.get(b"key", b""),
        headers={
            name[len(_HEADER) :].decode(): value.decode()
            for name, value in fields.items()
            if name.startswith(_HEADER)
        },
    )


def to_position(entry: bytes) -> Position:
    """The place of an entry id ``milliseconds-sequence``."""
    milliseconds, _, sequence = entry.partition(b"-")
    return Position(0, int(milliseconds), int(sequence))

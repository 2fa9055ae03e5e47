"""Native names, and how a message's parts travel in NATS headers.

A destination is one stream whose only subject is the destination's dotted name. A stream's name may
hold no dot, so ``a.b`` is stored in the stream ``a:b``; upper case, which no destination can have,
marks the streams that are ours.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_from_bytes, unquote_to_bytes

from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.message import MESSAGE_ID_HEADER, Message

KEY_HEADER = "harness-key"
"""The header of the ordering key, percent-encoded: a key is bytes, a header value is text."""

DEDUPLICATION_HEADER = "Nats-Msg-Id"
_RESERVED = frozenset({MESSAGE_ID_HEADER, KEY_HEADER, DEDUPLICATION_HEADER})
_STATUS_LINE = b"NATS/1.0\r\n"


def stream_name(destination: Destination) -> str:
    """The stream that holds ``destination``."""
    return native_name(destination.name)


def native_name(name: str) -> str:
    """A dotted name in the form streams and consumers may have."""
    return name.replace(".", ":")


def advisories_name(destination: Destination) -> str:
    """The stream that keeps the server's notices about exhausted deliveries of ``destination``."""
    return f"{stream_name(destination)}:ADVISORIES"


def advisories_subject(destination: Destination, consumer: str = "*") -> str:
    """Where the server announces a message that a consumer has delivered as often as it may."""
    return f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream_name(destination)}.{consumer}"


def encode_headers(message: Message) -> dict[str, str]:
    """The headers of ``message`` on the wire.

    Raises ``BadOption`` for a header that would not come back as it was given: the client library
    strips values and folds their line breaks without a word.
    """
    for name, value in message.headers.items():
        if name in _RESERVED:
            raise BadOption("headers", name, "the harness uses it itself")
        if value != value.strip() or "\r" in value or "\n" in value:
            raise BadOption("headers", {name: value}, "NATS keeps no outer spaces and no line breaks")
    headers = {MESSAGE_ID_HEADER: message.id, **message.headers}
    if message.key:
        headers[KEY_HEADER] = quote_from_bytes(message.key)
    if message.deduplication_key:
        headers[DEDUPLICATION_HEADER] = message.deduplication_key
    return headers


def wire_size(payload: bytes, headers: Mapping[str, str]) -> int:
    """Bytes the server counts against its ``max_payload``: payload and header block together."""
    block = sum(len(name.encode()) + len(value.encode()) + 4 for name, value in headers.items())
    return len(payload) + len(_STATUS_LINE) + block + 2


def decode(payload: bytes, headers: Mapping[str, str] | None) -> Message:
    """The message as it was given to ``encode_headers``; whoever else published it has no id here."""
    rest = dict(headers or {})
    return Message(
        id=rest.pop(MESSAGE_ID_HEADER, ""),
        payload=payload,
        key=unquote_to_bytes(rest.pop(KEY_HEADER, "")),
        deduplication_key=rest.pop(DEDUPLICATION_HEADER, ""),
        headers=rest,
    )


def decode_stored(stored: Mapping[str, Any]) -> Message:
    """A message as the stream itself answers it: base64 parts of JSON, either of them absent if empty.

    Not through the library's ``get_msg``, whose e-mail parser alters header values beyond ASCII.
    """
    lines = base64.b64decode(stored.get("hdrs", "")).removeprefix(_STATUS_LINE).split(b"\r\n")
    pairs = (line.decode().partition(":") for line in lines if line)
    headers = {name: value.strip() for name, _, value in pairs}
    return decode(base64.b64decode(stored.get("data", "")), headers)

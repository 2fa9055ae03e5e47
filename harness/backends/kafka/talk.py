"""Kafka by hand: ApiVersions requests with a client id as long as wanted, told apart by correlation id."""

from __future__ import annotations

import struct

from harness.backends.talk import Dialect

_API_VERSIONS = (18, 0)
_LARGEST = 32_000
"""A client id's length is a signed 16-bit number."""

_FIRST_CORRELATION = 0x7E5E0000
"""Four bytes that occur nowhere else in an answer to ApiVersions."""


def _ask(token: bytes, size: int) -> bytes:
    message = struct.pack(">hh", *_API_VERSIONS) + token + struct.pack(">h", size) + b"." * size
    return struct.pack(">i", len(message)) + message


KAFKA_DIALECT = Dialect(
    request=_ask,
    goodbye=struct.pack(">i", -1),
    largest=_LARGEST,
    echoes=False,
    token=lambda number: struct.pack(">i", _FIRST_CORRELATION + number),
)

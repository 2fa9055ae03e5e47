"""A message comes back from its entry byte for byte."""

from __future__ import annotations

import pytest

from harness.backends.redis.entries import stream_of, to_fields, to_message, to_position
from harness.model.destination import Destination
from harness.model.message import Message, Position


def as_read(message: Message) -> list[bytes]:
    return [field if isinstance(field, bytes) else field.encode() for field in to_fields(message)]


@pytest.mark.parametrize(
    "message",
    [
        Message("p-1"),
        Message("p-2", b"", b"k"),
        Message("p-3", bytes(range(256)), b"\x00\xff", {"a": "", "payload": "é", "h:x": "y"}),
    ],
    ids=lambda message: message.id,
)
def test_round_trip(message: Message) -> None:
    """Empty and binary payloads, keys and headers survive, whatever the headers are called."""
    back = to_message(as_read(message))
    assert back == message
    assert back.digest == message.digest


def test_origin_of_a_dead_letter_is_no_part_of_the_message() -> None:
    """The fields that a dead letter gains leave its fingerprint alone."""
    message = Message("p-1", b"x", b"k", {"a": "b"})
    assert to_message([*as_read(message), b"dead:reason", b"rejected"]).digest == message.digest


def test_entry_of_somebody_else_has_an_empty_id() -> None:
    """A foreign entry is read as a message that nobody sent, not as an error."""
    assert to_message([b"temperature", b"17"]).id == ""


def test_positions_order_entries() -> None:
    """Milliseconds first, then the sequence as a number."""
    assert to_position(b"17-9") == Position(0, 17, 9)
    assert to_position(b"17-9") < to_position(b"17-10") < to_position(b"18-0")


def test_stream_name_has_colons() -> None:
    """The dotted name becomes the customary key."""
    assert stream_of(Destination("beamline.router.v1.decide")) == "beamline:router:v1:decide"

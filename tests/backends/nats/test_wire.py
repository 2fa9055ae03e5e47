"""Names and headers: everything comes back as it was given, or is refused."""

from __future__ import annotations

import base64

import pytest

from harness.backends.nats.wire import (
    DEDUPLICATION_HEADER,
    advisories_name,
    decode,
    decode_stored,
    encode_headers,
    stream_name,
    wire_size,
)
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.message import MESSAGE_ID_HEADER, Message

MESSAGES = [
    Message("w-0"),
    Message("w-1", bytes(range(256)), b"\x00\xff %key", {"A": "zwölf €", "b": "x: y"}, "dedup"),
    Message("w-2", b"x", b"plain", {"empty": ""}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.id)
def test_a_message_survives_its_headers(message: Message) -> None:
    """What is decoded from a delivery is what was encoded for the publish."""
    assert decode(message.payload, encode_headers(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.id)
def test_a_message_survives_the_streams_own_answer(message: Message) -> None:
    """Read by sequence, a message is the same, although its parts come in base64."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in encode_headers(message).items())
    block = f"NATS/1.0\r\n{lines}\r\n".encode()
    stored = {"seq": 1, "hdrs": base64.b64encode(block).decode()}
    if message.payload:
        stored["data"] = base64.b64encode(message.payload).decode()
    assert decode_stored(stored) == message


def test_a_foreign_message_has_no_id() -> None:
    """What others have published is decoded too, its headers untouched."""
    assert decode(b"x", {"Trace": "1"}) == Message("", b"x", headers={"Trace": "1"})
    assert decode(b"x", None) == Message("", b"x")


@pytest.mark.parametrize(
    "headers",
    [{"a": " outer"}, {"a": "two\r\nlines"}, {MESSAGE_ID_HEADER: "w-9"}, {DEDUPLICATION_HEADER: "k"}],
)
def test_headers_that_would_be_altered_are_refused(headers: dict[str, str]) -> None:
    """The library would strip or fold them without a word; ours are not the user's to set."""
    with pytest.raises(BadOption, match="headers"):
        encode_headers(Message("w-1", headers=headers))


def test_stream_names_neither_hold_dots_nor_collide() -> None:
    """Destinations that differ have streams that differ, those of their announcements included."""
    names = ["a.b", "a_b", "a-b", "a.b.advisories", "ab"]
    streams = [stream_name(Destination(name)) for name in names]
    streams += [advisories_name(Destination(name)) for name in names]
    assert len(set(streams)) == len(streams)
    assert not any("." in stream for stream in streams)


def test_the_size_counts_headers_as_the_server_does() -> None:
    """Status line, name, separator, value, line ends and payload."""
    assert wire_size(b"12345", {"a": "bc"}) == len(b"NATS/1.0\r\na: bc\r\n\r\n12345") - len(b" ") + 1

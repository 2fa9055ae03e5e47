"""Outcomes: a failure only where nothing can ever come of the publish."""

from __future__ import annotations

import builtins
import importlib

import pytest
from nats import errors
from nats.js import errors as js

from harness.backends.nats.errors import classify
from harness.history.records import Function
from harness.model.outcome import Outcome

FAIL, INFO = Outcome.FAIL, Outcome.INFO


def answer(code: int, err_code: int, description: str) -> Exception:
    """What the library raises for an error answer of the server."""
    with pytest.raises(js.APIError) as raised:
        js.APIError.from_error({"code": code, "err_code": err_code, "description": description})
    return raised.value


TABLE: list[tuple[Exception, Outcome]] = [
    (js.NoStreamResponseError(), FAIL),
    (errors.NoRespondersError(), FAIL),
    (errors.OutboundBufferLimitError(), FAIL),
    (errors.ConnectionClosedError(), FAIL),
    (errors.MaxPayloadError(), FAIL),
    (answer(400, 10071, "wrong last sequence: 7"), FAIL),
    (answer(400, 10054, "message size exceeds maximum allowed"), FAIL),
    (answer(404, 10059, "stream not found"), FAIL),
    (answer(429, 10167, "too many requests"), FAIL),
    (answer(503, 10023, "insufficient resources"), FAIL),
    (answer(503, 10077, "maximum messages exceeded"), FAIL),
    (answer(503, 10077, "maximum bytes exceeded"), FAIL),
    (answer(503, 10077, "maximum messages per subject exceeded"), FAIL),
    (answer(503, 10077, "write /data/1.blk: input/output error"), INFO),
    (answer(503, 10077, "no space left on device"), INFO),
    (answer(503, 10008, "JetStream system temporarily unavailable"), INFO),
    (answer(500, 10052, "general error"), INFO),
    (js.KeyWrongLastSequenceError("raised without a code"), INFO),
    (errors.TimeoutError(), INFO),
    (TimeoutError(), INFO),
    (errors.StaleConnectionError(), INFO),
    (errors.UnexpectedEOF(), INFO),
    (errors.ConnectionReconnectingError(), INFO),
    (errors.ConnectionDrainingError(), INFO),
    (ConnectionResetError(), INFO),
    (ValueError("not the library's"), INFO),
]


@pytest.mark.parametrize(
    ("error", "outcome"), TABLE, ids=[f"{type(error).__module__}.{error!r} {error}" for error, _ in TABLE]
)
def test_a_publish_ends_as_the_table_says(error: Exception, outcome: Outcome) -> None:
    """Each row of the module's table, and each neighbour that must not be mistaken for one."""
    assert classify(Function.PUBLISH, error) is outcome


@pytest.mark.parametrize("function", [each for each in Function if each is not Function.PUBLISH])
def test_everything_but_a_publish_is_unknown(function: Function) -> None:
    """An acknowledgement whose answer is lost may have settled the message, whatever was raised."""
    assert {classify(function, error) for error, _ in TABLE} == {INFO}


def test_without_the_library_everything_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history can be judged where the client is not installed; its exceptions cannot occur there."""
    original = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name.partition(".")[0] == "nats":
            raise ModuleNotFoundError(name=name)
        return original(name, *rest)  # type: ignore[arg-type]  # passed through as it came

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert classify(Function.PUBLISH, errors.MaxPayloadError()) is INFO
    monkeypatch.undo()
    assert importlib.import_module("nats").errors is errors

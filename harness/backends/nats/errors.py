"""Which exceptions of nats-py mean that a publish did not and will never take effect.

Only what is listed is a failure: a wrong ``fail`` turns into a false "failed but delivered".

| exception of a publish | outcome | because |
|---|---|---|
| NoStreamResponseError, NoRespondersError | fail | no server had a stream to hand it to |
| OutboundBufferLimitError | fail | not connected, and our buffer is pinned to nothing |
| ConnectionClosedError | fail | the client was closed before anything was written |
| MaxPayloadError | fail | refused before anything was written |
| APIError 4xx | fail | the stream refused it |
| APIError 503/10023 | fail | refused for want of resources |
| APIError 503/10077 naming a limit | fail | refused by the stream's limits |
| APIError 503/10077 otherwise | unknown | the server sends the same code for I/O errors |
| everything else, TimeoutError above all | unknown | it may be applied after we have given up |

Acknowledgements and every other request are unknown whenever they raise.
"""

from __future__ import annotations

from harness.history.records import Function
from harness.model.outcome import Outcome

_INSUFFICIENT_RESOURCES = 10023
_STORE_FAILED = 10077
_LIMITS = (
    "maximum messages exceeded",
    "maximum bytes exceeded",
    "maximum messages per subject exceeded",
    "message too large",
    "message size exceeds maximum",
)


def classify(function: Function, error: Exception) -> Outcome:
    """``FAIL`` for a publish that ended in one of the exceptions listed above, else ``INFO``."""
    if function is not Function.PUBLISH:
        return Outcome.INFO
    try:
        from nats import errors  # noqa: PLC0415 - the library is optional
        from nats.js import errors as stream_errors  # noqa: PLC0415
    except ModuleNotFoundError:
        return Outcome.INFO
    never_sent = (
        stream_errors.NoStreamResponseError,
        errors.NoRespondersError,
        errors.OutboundBufferLimitError,
        errors.ConnectionClosedError,
        errors.MaxPayloadError,
    )
    if isinstance(error, never_sent):
        return Outcome.FAIL
    if isinstance(error, stream_errors.APIError):
        code, number = getattr(error, "code", None), getattr(error, "err_code", None)
        return _refusal(code, number, error.description)
    return Outcome.INFO


def _refusal(code: int | None, err_code: int | None, description: str | None) -> Outcome:
    if err_code == _STORE_FAILED:
        named = any(limit in (description or "").lower() for limit in _LIMITS)
        return Outcome.FAIL if named else Outcome.INFO
    refused = code is not None and 400 <= code < 500  # noqa: PLR2004 - HTTP's client errors
    return Outcome.FAIL if refused or err_code == _INSUFFICIENT_RESOURCES else Outcome.INFO

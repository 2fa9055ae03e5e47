"""What this backend raises beside redis-py's own errors, and what each error says of an operation.

Redis answers an error *before* it has applied a command, so an error reply is a definite failure,
with exceptions: ``-UNBLOCKED`` and a short ``WAIT`` come after the ``XADD`` they follow, and a
generic ``-ERR`` may come from anywhere. A connection that ends, or stays silent, tells nothing.
Whatever is not listed here is unknown.
"""

from __future__ import annotations

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,  # noqa: A004 - redis-py's name for it; the builtin is not used here
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)

from harness.history.records import Function
from harness.model.errors import BadOption
from harness.model.outcome import Outcome


class NotSent(ConnectionError):
    """The primary could not be found or reached, or the client is closed: nothing was sent."""

    def __init__(self, why: object) -> None:
        super().__init__(f"nothing was sent: {why}")


class UnknownDestination(RedisError):
    """A stream that nobody has created; nothing was stored or read."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream!r} does not exist; create the destination first")


class TooLarge(RedisError):
    """A value the server would refuse; it says so by hanging up, which would leave us guessing."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"a value of {size} bytes is over the server's limit of {limit}; nothing was sent")


class LeaseLost(RedisError):
    """The delivery is no longer this member's to settle: acknowledged, or claimed by another."""

    def __init__(self, entry: str, group: str) -> None:
        super().__init__(f"entry {entry} is not pending for this delivery in group {group!r} any more")


class NotReplicated(RedisError):
    """``WAIT`` counted fewer replicas than asked: the write is in the primary, and maybe nowhere else."""

    def __init__(self, asked: int, counted: int, seconds: float) -> None:
        super().__init__(f"WAIT {asked}: {counted} replicas have the write after {seconds:.1f} s")


_DEFINITE = (
    BadOption,
    NotSent,
    UnknownDestination,
    TooLarge,
    LeaseLost,
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
)
_DEFINITE_CODES = frozenset({
    "LOADING", "MASTERDOWN", "MISCONF", "NOAUTH", "NOGROUP", "NOPERM", "NOREPLICAS", "OOM", "READONLY",
    "WRONGPASS", "WRONGTYPE",
})  # fmt: skip
_DEFINITE_TEXTS = (
    "Error 111 connecting",  # ECONNREFUSED; the words after it are not the same everywhere
    "max number of clients reached",
    "no such key",
    "Protocol error: invalid bulk length",
)


def code(error: Exception) -> str:
    """The first word of an error reply (``NOGROUP``), whether redis-py has cut it off or not."""
    return getattr(error, "status_code", None) or str(error).partition(" ")[0]


def classify(function: Function, error: Exception) -> Outcome:  # noqa: ARG001 - the backend contract's
    """Whether an operation that ended in ``error`` has definitely not taken effect."""
    definite = isinstance(error, _DEFINITE) or (
        isinstance(error, RedisError)
        and (code(error) in _DEFINITE_CODES or any(text in str(error) for text in _DEFINITE_TEXTS))
    )
    return Outcome.FAIL if definite else Outcome.INFO

"""Which errors are definite failures, row by row, with the exceptions redis-py really makes."""

from __future__ import annotations

import pytest
from redis._parsers.base import BaseParser
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoReply

from harness.backends.redis import BACKEND
from harness.backends.redis.errors import (
    LeaseLost,
    NotReplicated,
    NotSent,
    TooLarge,
    UnknownDestination,
    classify,
    code,
)
from harness.history.records import Function
from harness.model.errors import BadOption
from harness.model.outcome import Outcome

DEFINITE_REPLIES = (
    "NOREPLICAS Not enough good replicas to write.",
    "MISCONF Errors writing to the AOF file: No space left on device",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.",
    "LOADING Redis is loading the dataset in memory",
    "NOGROUP No such key 'a' or consumer group 'g' in XREADGROUP with GROUP option",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "NOAUTH Authentication required.",
    "NOPERM User default has no permissions to run the 'xadd' command",
    "ERR max number of clients reached",
    "ERR Protocol error: invalid bulk length",
    "ERR no such key",
)
UNKNOWN_REPLIES = (
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    "ERR something this table has never heard of",
    "TRYAGAIN Multiple keys request during rehashing of slot",
)


def parsed(reply: str) -> Exception:
    """The exception that redis-py makes of an error reply."""
    error = BaseParser.parse_error(reply)  # type: ignore[no-untyped-call]
    assert isinstance(error, Exception)
    return error


@pytest.mark.parametrize("reply", DEFINITE_REPLIES, ids=lambda reply: reply.split()[0] + str(len(reply)))
def test_error_reply_before_anything_is_applied_is_definite(reply: str) -> None:
    """Redis refuses a command before it applies anything of it."""
    assert classify(Function.PUBLISH, parsed(reply)) is Outcome.FAIL


@pytest.mark.parametrize("reply", UNKNOWN_REPLIES, ids=lambda reply: reply.split()[0])
def test_other_error_reply_is_unknown(reply: str) -> None:
    """What the table does not list, and what may follow a write, is unknown."""
    assert classify(Function.PUBLISH, parsed(reply)) is Outcome.INFO


@pytest.mark.parametrize(
    "error",
    [
        NotSent("no Sentinel answers"),
        UnknownDestination("a:b"),
        TooLarge(2, 1),
        LeaseLost("1-0", "g"),
        BadOption("delay", 9.0, "too long"),
        Disconnected("Error 111 connecting to 127.0.0.1:1. Connection refused."),
        Disconnected("Error 111 connecting to 127.0.0.1:1. Connect call failed ('127.0.0.1', 1)."),
    ],
    ids=str,
)
def test_what_never_reached_the_server_is_definite(error: Exception) -> None:
    """Nothing was sent, or the server has said that it did nothing."""
    assert BACKEND.classify(Function.PUBLISH, error) is Outcome.FAIL


@pytest.mark.parametrize(
    "error",
    [
        NoReply("no reply to XADD within 1.0 s"),
        Disconnected("Connection closed by server."),
        Disconnected("Error while reading from 127.0.0.1:1 : (104, 'Connection reset by peer')"),
        Disconnected("Error 32 while writing to socket. Broken pipe."),
        NotReplicated(1, 0, 0.9),
        RedisError("an error of the library"),
        OSError("an error of the system"),
        ValueError("anything else"),
    ],
    ids=str,
)
def test_silence_and_lost_connections_are_unknown(error: Exception) -> None:
    """A write may have been applied although its reply never came, or no replica confirmed it."""
    assert classify(Function.PUBLISH, error) is Outcome.INFO


def test_code_is_found_whether_cut_off_or_not() -> None:
    """redis-py cuts the first word off the replies it knows, and keeps it in others."""
    assert code(parsed("READONLY You can't write")) == "READONLY"
    assert code(parsed("NOGROUP No such key")) == "NOGROUP"

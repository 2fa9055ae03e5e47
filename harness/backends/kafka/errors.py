"""How an operation ended, by the exception librdkafka raised.

A definite failure is what cannot have been stored, whatever happened before the exception. That
leaves very little, because an idempotent producer sends a message again inside one operation, and
its delivery report tells of the *last* attempt only:

* ``NOT_ENOUGH_REPLICAS`` is a clean refusal, but an earlier attempt may have been appended;
* ``_PURGE_QUEUE`` is also reported for a request that was sent, and waits to be sent again
  (librdkafka, ``rd_kafka_broker_handle_purge_queues``): published to a frozen leader and purged
  after 3 s, the message was in the log once the leader went on (4.3.1, librdkafka 2.16.0);
* ``_TIMED_OUT_QUEUE`` never gets into a delivery report: librdkafka turns it into
  ``_MSG_TIMED_OUT``, of which nothing is known.

Whatever is not listed here is unknown.
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from harness.history.records import Function
from harness.model.errors import HarnessError
from harness.model.outcome import Outcome

_REFUSED_EVERY_TIME = frozenset({KafkaError.MSG_SIZE_TOO_LARGE})
"""Refusals that do not depend on the attempt: nothing of this message was ever appended."""

_NEVER_SENT = frozenset({KafkaError._ASSIGNMENT_LOST})  # noqa: SLF001 - that is its public name
"""Raised by our own ledger before anything is sent: the partition is no longer this member's."""


class ClientClosed(HarnessError):
    """A client or subscription was used after it had been closed: nothing was sent."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is closed")


def assignment_lost(topic: str, partition: int, offset: int) -> KafkaException:
    """What an acknowledgement raises when its partition was taken from the member since delivery."""
    reason = f"{topic}/{partition} was revoked after offset {offset} had been delivered"
    return KafkaException(KafkaError(KafkaError._ASSIGNMENT_LOST, reason))  # noqa: SLF001


def native(code: int, reason: str) -> KafkaException:
    """The library's exception for a code, where librdkafka does not raise but only calls back."""
    return KafkaException(KafkaError(code, reason))


def classify(function: Function, error: Exception) -> Outcome:
    """``FAIL`` for the definite failures above, ``INFO`` for everything else."""
    if isinstance(error, ClientClosed):
        return Outcome.FAIL
    if function is Function.PUBLISH and isinstance(error, BufferError):
        return Outcome.FAIL  # the local queue was full: produce() did not take the message
    code = _code(error)
    if function is Function.PUBLISH and code in _REFUSED_EVERY_TIME:
        return Outcome.FAIL
    if function in _SETTLING and code in _NEVER_SENT:
        return Outcome.FAIL
    return Outcome.INFO


_SETTLING = frozenset({Function.ACK, Function.NAK, Function.REJECT})


def _code(error: Exception) -> int | None:
    if isinstance(error, KafkaException) and error.args and isinstance(error.args[0], KafkaError):
        return error.args[0].code()
    return None

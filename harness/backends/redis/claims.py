"""What Redis promises, in its own words.

Unconditional claims are about a process that dies or stalls, and about connections: the append-only
file is written before the reply, so that at ``everysec`` only the loss of the machine costs anything,
or a disk so slow (``fsync-stalled``) that the write itself is put off. Once another primary was
promoted, the old one's unreplicated suffix is gone, whatever the tier: ``wait`` and ``min-replicas``
make that less likely, and promise nothing. What is in the log is delivered even then: entries and
groups are replicated in one order, so that a replica's group is never ahead of its log.
"""

from __future__ import annotations

from harness.model.claim import Claim, Guarantee, Promise

_DOCS = "https://redis.io/docs/latest"
_PERSISTENCE = f"{_DOCS}/operate/oss_and_stack/management/persistence/"
_SENTINEL = f"{_DOCS}/operate/oss_and_stack/management/sentinel/"
_STREAMS = f"{_DOCS}/develop/data-types/streams/"
_XADD = f"{_DOCS}/commands/xadd/"
_XCLAIM = f"{_DOCS}/commands/xclaim/"
_WAIT = f"{_DOCS}/commands/wait/"

_RESTART = "after a restart, the AOF will restore the consumer groups' state"
_FAILOVER = (
    "By default the asynchronous replication will not guarantee that XADD commands or consumer groups "
    "state changes are replicated"
)
_LAST_WINS = (
    "the merge function is last failover wins, and the data from old masters are discarded to replicate "
    "the data of the current master"
)


_UNSYNCED = ("everysec", "wait", "min-replicas")
_DISASTER = "you may lose 1 second of data if there is a disaster"
_STALLED = "the main thread will try hard to perform writes when no fsync is in progress"


def _promised(guarantee: Guarantee, source: str, quote: str) -> Claim:
    return Claim(guarantee, Promise.PROMISED, source, quote)


def _excused(guarantee: Guarantee, condition: str, source: str, quote: str, *tiers: str) -> Claim:
    return Claim(guarantee, Promise.NOT_PROMISED, source, quote, tiers, condition)


CLAIMS = (
    _promised(
        Guarantee.NO_LOSS,
        _PERSISTENCE,
        "AOF persistence logs every write operation received by the server",
    ),
    _promised(Guarantee.ACKED_STAYS_ACKED, _STREAMS, _RESTART),
    _promised(Guarantee.DEAD_LETTER_EXACT, _STREAMS, _RESTART),
    _promised(
        Guarantee.EVERYTHING_DELIVERED,
        _STREAMS,
        "A consumer group tracks all the messages that are currently pending",
    ),
    _promised(Guarantee.PER_KEY_ORDER, _XADD, "Redis guarantees that IDs are always incremental"),
    _promised(
        Guarantee.ONE_MESSAGE_PER_POSITION,
        _XADD,
        "the ID of any entry you insert will be greater than any previous ID",
    ),
    _promised(
        Guarantee.LEASE_HONOURED,
        _XCLAIM,
        "the message is claimed only if its idle time is greater than the minimum idle time we specify",
    ),
    _excused(
        Guarantee.NO_LOSS,
        "promotion",
        _SENTINEL,
        "Sentinel + Redis distributed system does not guarantee that acknowledged writes are retained "
        "during failures",
    ),
    _excused(
        Guarantee.NO_LOSS,
        "promotion",
        _WAIT,
        "it is possible to still lose a write synchronously replicated to multiple replicas",
        "wait",
    ),
    _excused(Guarantee.ACKED_STAYS_ACKED, "promotion", _STREAMS, _FAILOVER),
    _excused(Guarantee.DEAD_LETTER_EXACT, "promotion", _STREAMS, _FAILOVER),
    _excused(Guarantee.LEASE_HONOURED, "promotion", _STREAMS, _FAILOVER),
    _excused(Guarantee.NO_STORED_DUPLICATES, "promotion", _STREAMS, _FAILOVER),
    _excused(Guarantee.ONE_MESSAGE_PER_POSITION, "promotion", _SENTINEL, _LAST_WINS),
    _excused(Guarantee.PER_KEY_ORDER, "promotion", _SENTINEL, _LAST_WINS),
    _excused(Guarantee.NO_LOSS, "power-loss", _PERSISTENCE, _DISASTER, *_UNSYNCED),
    _excused(Guarantee.ACKED_STAYS_ACKED, "power-loss", _PERSISTENCE, _DISASTER, *_UNSYNCED),
    _excused(Guarantee.DEAD_LETTER_EXACT, "power-loss", _PERSISTENCE, _DISASTER, *_UNSYNCED),
    _excused(Guarantee.LEASE_HONOURED, "power-loss", _PERSISTENCE, _DISASTER, *_UNSYNCED),
    _excused(Guarantee.NO_LOSS, "fsync-stalled", _PERSISTENCE, _STALLED, *_UNSYNCED),
    _excused(Guarantee.ACKED_STAYS_ACKED, "fsync-stalled", _PERSISTENCE, _STALLED, *_UNSYNCED),
)

"""What Kafka promises, in its own words, and under which observed conditions it does not.

The sources are files of its documentation, github.com/apache/kafka. Three readings deserve a word:

* *No loss* rests on copies, not on disks: ``rf3`` promises whatever happens to one node. With one
  copy the words about replicas say nothing; what is promised is that a write has reached the file
  system before it is acknowledged, so a killed process loses nothing and a machine without power may.
* *Acknowledged stays acknowledged* is about offsets whose commit was confirmed, which are messages
  of a topic like any other.
* *No stored duplicates* holds within one producer, for what it sends again by itself.
"""

from __future__ import annotations

from harness.model.claim import Claim, Guarantee, Promise

_DOCS = "https://github.com/apache/kafka/blob/trunk/docs"
_DESIGN = f"{_DOCS}/design/design.md"
_DISTRIBUTION = f"{_DOCS}/implementation/distribution.md"
_INTRODUCTION = f"{_DOCS}/getting-started/introduction.md"
_SYSTEM = f"{_DOCS}/operations/hardware-and-os.md"

_ON_DISK = "Kafka always immediately writes all data to the filesystem"
_AT_LEAST_ONCE = "Kafka guarantees at-least-once delivery by default"
_ALL_DIE = "If all the nodes replicating a partition die, this guarantee no longer holds."


def _promised(guarantee: Guarantee, source: str, quote: str, *tiers: str) -> Claim:
    return Claim(guarantee, Promise.PROMISED, source, quote, tiers)


def _excused(guarantee: Guarantee, condition: str, source: str, quote: str, *tiers: str) -> Claim:
    return Claim(guarantee, Promise.NOT_PROMISED, source, quote, tiers, condition)


CLAIMS = (
    _promised(
        Guarantee.NO_LOSS,
        _DESIGN,
        "a committed message will not be lost, as long as there is at least one in sync replica alive, at "
        "all times",
        "rf3",
    ),
    _promised(Guarantee.NO_LOSS, _SYSTEM, _ON_DISK, "rf1"),
    _excused(Guarantee.NO_LOSS, "power-loss", _DESIGN, _ALL_DIE, "rf1"),
    _promised(
        Guarantee.ACKED_STAYS_ACKED,
        _DISTRIBUTION,
        "The broker sends a successful offset commit response to the consumer only after all the replicas of "
        "the offsets topic receive the offsets.",
    ),
    _excused(Guarantee.ACKED_STAYS_ACKED, "power-loss", _DESIGN, _ALL_DIE, "rf1"),
    _promised(
        Guarantee.NO_STORED_DUPLICATES,
        _DESIGN,
        "an idempotent delivery option which guarantees that resending will not result in duplicate entries "
        "in the log",
    ),
    _promised(
        Guarantee.PER_KEY_ORDER,
        _INTRODUCTION,
        "any consumer of a given topic-partition will always read that partition's events in exactly the "
        "same order as they were written",
    ),
    _promised(Guarantee.EVERYTHING_DELIVERED, _DESIGN, _AT_LEAST_ONCE),
    _excused(Guarantee.EVERYTHING_DELIVERED, "power-loss", _DESIGN, _ALL_DIE, "rf1"),
    _promised(
        Guarantee.ONE_MESSAGE_PER_POSITION,
        _DESIGN,
        "The logs on the followers are identical to the leader's log--all have the same offsets and messages "
        "in the same order",
    ),
    # A group has no dead letter of its own: ours is a publish and then a commit, and between the two a
    # crash leaves the first alone, so that the message comes again.
    _excused(Guarantee.DEAD_LETTER_EXACT, "node-crash", _DESIGN, _AT_LEAST_ONCE),
    _excused(Guarantee.DEAD_LETTER_EXACT, "promotion", _DESIGN, _AT_LEAST_ONCE),
)

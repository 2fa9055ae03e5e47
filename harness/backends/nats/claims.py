"""What NATS promises, in its own words, and under which observed conditions it does not.

The sources are files of the documentation, github.com/nats-io/nats.docs. Two readings deserve a word:

* *Acknowledged stays acknowledged.* The documentation promises that a message whose acknowledgement
  was confirmed is never delivered again, and elsewhere limits that to "some kinds of failures". A
  single server writes consumer state at most ten times a second, whatever ``sync_interval`` says:
  killed within about 100 ms of the confirmation it has forgotten it (2.9.10 to 2.15). We side with
  the limiting sentence for the unreplicated tiers once a node was killed, and for those alone.
* *Order* is that of the stream. Redeliveries come when they come, and are no anomaly of order.
"""

from __future__ import annotations

from harness.model.claim import Claim, Guarantee, Promise

_DOCS = "https://github.com/nats-io/nats.docs/blob/master"
_JETSTREAM = f"{_DOCS}/nats-concepts/jetstream/README.md"
_CONSUMERS = f"{_DOCS}/nats-concepts/jetstream/consumers.md"
_CONCEPTS = f"{_DOCS}/using-nats/jetstream/concepts/README.md"
_MODEL = f"{_DOCS}/using-nats/jetstream/model_deep_dive.md"
_DEVELOPING = f"{_DOCS}/using-nats/developing-with-nats/js/consumers.md"
_MONITORING = f"{_DOCS}/running-a-nats-service/nats_admin/monitoring/monitoring_jetstream.md"

_SINGLE = ("r1", "r1-always")
_LAZY = ("r1", "r3")
_TWICE = (
    "there are still some failure scenario corner cases that could result in some messages actually being "
    "received more than once by the consuming application"
)
_ADVISORY = "These advisories are published to normal NATS subjects"


def _promised(guarantee: Guarantee, source: str, quote: str, *tiers: str) -> Claim:
    return Claim(guarantee, Promise.PROMISED, source, quote, tiers)


def _excused(guarantee: Guarantee, condition: str, source: str, quote: str, *tiers: str) -> Claim:
    return Claim(guarantee, Promise.NOT_PROMISED, source, quote, tiers, condition)


CLAIMS = (
    _promised(
        Guarantee.NO_LOSS,
        _JETSTREAM,
        "JetStream does flush file writes to the OS synchronously",
        "r1",
    ),
    _promised(
        Guarantee.NO_LOSS,
        _JETSTREAM,
        "is acknowledged after it successfully replicated to at least a quorum of servers",
        "r3",
    ),
    _promised(
        Guarantee.NO_LOSS,
        _JETSTREAM,
        "will make sure servers `fsync` after every message before it is acknowledged",
        "r1-always",
        "r3-always",
    ),
    _excused(
        Guarantee.NO_LOSS,
        "power-loss",
        _JETSTREAM,
        "after an OS failure recovery, a server may have lost recently acknowledged messages",
        "r1",
    ),
    _excused(
        Guarantee.NO_LOSS,
        "power-loss",
        _JETSTREAM,
        "the cluster may fail to recover the most recently acknowledged messages",
        "r3",
    ),
    _promised(
        Guarantee.ONE_MESSAGE_PER_POSITION,
        _JETSTREAM,
        "the formal consistency model of NATS JetStream is [Linearizable]",
    ),
    _excused(
        Guarantee.ONE_MESSAGE_PER_POSITION,
        "power-loss",
        _JETSTREAM,
        "The last two servers could then form a majority and accept new writes, essentially losing some of "
        "the former writes",
        *_LAZY,
    ),
    _promised(
        Guarantee.PER_KEY_ORDER,
        _JETSTREAM,
        "messages are added to a stream in one global order",
    ),
    _promised(
        Guarantee.NO_STORED_DUPLICATES,
        _MODEL,
        "the duplicate publications were detected and only one message (the first one) is actually stored",
    ),
    _promised(
        Guarantee.EVERYTHING_DELIVERED,
        _MODEL,
        "Once started it will always give you what you have not seen or acknowledged",
    ),
    _promised(
        Guarantee.ACKED_STAYS_ACKED,
        _MODEL,
        "you can be sure that the message will never be re-delivered by the consumer",
    ),
    _excused(
        Guarantee.ACKED_STAYS_ACKED,
        "node-crash",
        _JETSTREAM,
        "to avoid a message being erroneously re-sent to a subscriber by the server after some kinds of "
        "failures",
        *_SINGLE,
    ),
    _promised(
        Guarantee.LEASE_HONOURED,
        _CONSUMERS,
        "If an acknowledgment is required but not received within the `AckWait` window, the message will be "
        "redelivered",
    ),
    _excused(Guarantee.LEASE_HONOURED, "node-crash", _CONCEPTS, _TWICE),
    _excused(Guarantee.LEASE_HONOURED, "promotion", _CONCEPTS, _TWICE),
    _promised(
        Guarantee.DEAD_LETTER_EXACT,
        _DEVELOPING,
        "Whenever a message reaches its maximum number of delivery attempts, an advisory message is "
        "published",
    ),
    _excused(Guarantee.DEAD_LETTER_EXACT, "node-crash", _MONITORING, _ADVISORY),
    _excused(Guarantee.DEAD_LETTER_EXACT, "promotion", _MONITORING, _ADVISORY),
)

"""What the memory broker promises: everything, at every tier, through every simulated fault.

It keeps an acknowledged message on a majority of durable logs and settles deliveries the same way,
so any anomaly found on it is a defect: of the broker, of a checker, or of the way to it.
"""

from __future__ import annotations

from harness.model.claim import Claim, Guarantee, Promise

SOURCE = "harness/backends/memory/broker.py, the class Broker"

_QUOTES: dict[Guarantee, str] = {
    Guarantee.NO_LOSS: "an acknowledged message is in the log for good",
    Guarantee.NO_PHANTOM: "only what was published is in the log",
    Guarantee.NO_FAILED_DELIVERED: "a refused publish leaves nothing behind",
    Guarantee.NO_ALTERATION: "messages are stored and handed over as they are",
    Guarantee.RIGHT_DESTINATION: "a group gets the messages of its destination alone",
    Guarantee.ONE_MESSAGE_PER_POSITION: "a position is given out once",
    Guarantee.NO_STORED_DUPLICATES: "one publish is stored at most once",
    Guarantee.ACKED_STAYS_ACKED: "a confirmed acknowledgement is durable",
    Guarantee.PER_KEY_ORDER: "one member at a time holds the messages of a key, in the log's order",
    Guarantee.EVERYTHING_DELIVERED: "every group that reads on is handed every message",
    Guarantee.LEASE_HONOURED: "a delivery comes back after its lease and not before",
    Guarantee.DEAD_LETTER_EXACT: "a message is dead-lettered once per group, after its last attempt",
}

CLAIMS: tuple[Claim, ...] = tuple(
    Claim(guarantee, Promise.PROMISED, SOURCE, quote) for guarantee, quote in _QUOTES.items()
)

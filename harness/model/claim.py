"""What a vendor promises, as data, each with the sentence it stands on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Guarantee(StrEnum):
    """What a checker looks after; an anomaly names the guarantee it breaks."""

    NO_LOSS = "no lost messages"
    NO_PHANTOM = "no phantom messages"
    NO_FAILED_DELIVERED = "failed publishes stay out"
    NO_ALTERATION = "no altered messages"
    RIGHT_DESTINATION = "right destination and group"
    ONE_MESSAGE_PER_POSITION = "one message per position"
    NO_STORED_DUPLICATES = "no stored duplicates"
    ACKED_STAYS_ACKED = "acked stays acked"
    PER_KEY_ORDER = "per-key order"
    EVERYTHING_DELIVERED = "everything stored is delivered"
    LEASE_HONOURED = "lease honoured"
    DEAD_LETTER_EXACT = "dead letters are exact"


class Promise(StrEnum):
    """``promised`` makes an anomaly a violation; the other two allow it, ``bounded`` up to a bound."""

    PROMISED = "promised"
    NOT_PROMISED = "not promised"
    BOUNDED = "bounded"


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of a vendor about one guarantee.

    ``tiers`` is empty for every tier. ``condition`` is the name of an *observation* in the history
    (``promotion``, ``node-crash``, ...) without which the claim says nothing; empty always applies.
    ``bound`` is the most anomalous messages that ``bounded`` allows.
    """

    guarantee: Guarantee
    promise: Promise
    source: str
    quote: str
    tiers: tuple[str, ...] = ()
    condition: str = ""
    bound: int = 0

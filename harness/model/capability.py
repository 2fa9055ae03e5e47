"""What a backend can do at all."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """Scenarios require capabilities, never backends by name; a missing one is a visible skip."""

    NAK = "nak"
    NAK_DELAY = "nak_delay"
    LEASE = "lease"
    EXTEND_LEASE = "extend_lease"
    REJECT = "reject"
    DELIVERY_COUNT = "delivery_count"
    MAX_DELIVER = "max_deliver"
    DEAD_LETTER = "dead_letter"
    DEDUPLICATION = "deduplication"
    PER_MESSAGE_ACK = "per_message_ack"
    GROUP_ORDER = "group_order"
    PARTITIONS = "partitions"
    IN_FLIGHT_LIMIT = "in_flight_limit"

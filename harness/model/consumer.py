"""How a group consumes, in one vocabulary for all backends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.model.errors import BadOption


class AckPolicy(StrEnum):
    """``explicit``: each message; ``none``: on delivery; ``all``: one ack settles all before it."""

    EXPLICIT = "explicit"
    NONE = "none"
    ALL = "all"


class Start(StrEnum):
    """Where a new group begins: at the earliest stored message, or with what comes next."""

    EARLIEST = "earliest"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """One group's settings.

    ``lease`` (seconds) is how long a delivery may stay unacknowledged before it is handed out
    again, where the backend has leases. ``max_deliver`` attempts dead-letter a message, ``None``
    never does. ``in_flight`` bounds the unacknowledged deliveries of the group. ``session``
    (seconds) is how long a silent member keeps its partitions, where the backend has sessions.
    """

    group: str
    ack_policy: AckPolicy = AckPolicy.EXPLICIT
    lease: float = 30.0
    max_deliver: int | None = None
    in_flight: int = 1000
    start: Start = Start.EARLIEST
    session: float = 6.0

    def __post_init__(self) -> None:
        if self.lease <= 0:
            raise BadOption("lease", self.lease, "a positive number of seconds is needed")
        if self.max_deliver is not None and self.max_deliver < 1:
            raise BadOption("max_deliver", self.max_deliver, "at least 1 is needed")
        if self.in_flight < 1:
            raise BadOption("in_flight", self.in_flight, "at least 1 is needed")


@dataclass(frozen=True, slots=True)
class Backlog:
    """A group's figures, as the broker states them.

    ``lag`` counts stored messages not yet delivered to the group, ``pending`` those delivered
    and not yet acknowledged; ``None`` where the broker has no such figure. ``position`` is the
    place up to which everything is settled, ``None`` before anything is.
    """

    lag: int | None
    pending: int | None
    position: int | None = None

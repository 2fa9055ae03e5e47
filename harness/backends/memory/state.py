"""What the memory broker keeps: logs, and for each group what it has still to do."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.model.consumer import ConsumerConfig
    from harness.model.destination import Destination
    from harness.model.message import Position, Stored


class Handle(NamedTuple):
    """Which delivery an acknowledgement is about; ``ticket`` is the message's number in the group."""

    destination: str
    group: str
    ticket: int
    attempt: int


@dataclass(slots=True)
class Entry:
    """A stored message as one group sees it; ``due`` is when its lease or its rest is over."""

    ticket: int
    stored: Stored
    attempts: int = 0
    member: str = ""
    due: float = inf


@dataclass(slots=True)
class Group:
    """A group's entries, each in exactly one place until it is settled and gone.

    ``fresh``: never handed out. ``held``: a member has it under a lease. ``resting``: came back
    with a delay. ``ready``: to be handed out again.
    """

    name: str
    config: ConsumerConfig
    fresh: OrderedDict[int, Entry] = field(default_factory=OrderedDict)
    held: dict[int, Entry] = field(default_factory=dict)
    resting: dict[int, Entry] = field(default_factory=dict)
    ready: dict[int, Entry] = field(default_factory=dict)
    tickets: int = 0
    settled_any: bool = False

    def add(self, stored: Stored) -> Entry:
        """Take a message that nobody has been handed yet."""
        self.tickets += 1
        entry = self.fresh[self.tickets] = Entry(self.tickets, stored)
        return entry

    @property
    def places(self) -> tuple[dict[int, Entry], ...]:
        """Where an entry can be."""
        return (self.held, self.ready, self.resting, self.fresh)

    def find(self, ticket: int) -> Entry | None:
        """The entry, or None once it is settled."""
        return next((place[ticket] for place in self.places if ticket in place), None)

    def take(self, ticket: int) -> None:
        """Take the entry from where it is, if it is anywhere."""
        for place in self.places:
            place.pop(ticket, None)

    def unsettled(self) -> Iterator[Entry]:
        """Every entry that is not settled."""
        for place in self.places:
            yield from place.values()

    def holders(self) -> dict[bytes, str]:
        """Who holds messages of each key now."""
        return {entry.stored.message.key: entry.member for entry in self.held.values()}


@dataclass(slots=True)
class Topic:
    """One destination: its log in the order of storing, and its groups."""

    destination: Destination
    log: list[Stored] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    known: dict[str, tuple[float, Position]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ends = [0] * self.destination.partitions

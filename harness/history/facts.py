"""What a history says, as compact facts: an op's invoke and end in one, without what nobody asks.

``returned`` is ``NEVER`` and ``outcome`` None where the end is missing because the op's process
died; a checker treats that as ``info``. None of them can be part of a cycle, so they are kept
out of the garbage collector's way (``gc=False``): a million of them would cost it seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from harness.history.records import Function, Seen
from harness.model.message import Position
from harness.model.outcome import Outcome

NEVER = -1
"""``returned`` of an op whose end is not in the history."""

GroupOf = tuple[str, str]
"""A destination and a group of it."""


OWN_CLIENT = "admin"
"""What the harness's own client is called: it creates, marks and reads logs, and is no traffic."""


def is_own(client: str) -> bool:
    """Whether a client is the harness's own rather than the scenario's."""
    return client.startswith(f"{OWN_CLIENT}-")


class Publish(msgspec.Struct, gc=False):
    """One publish op; ``client`` is the writer."""

    op: int
    client: str
    destination: str
    message: str
    key: str
    digest: str
    invoked: int
    returned: int = NEVER
    outcome: Outcome | None = None
    position: Position | None = None
    deduplicated: bool = False


class Receive(msgspec.Struct, gc=False):
    """One receive op and what it handed over, in order."""

    op: int
    client: str
    invoked: int
    returned: int = NEVER
    outcome: Outcome | None = None
    seen: tuple[Seen, ...] = ()


class Settlement(msgspec.Struct, gc=False):
    """One ack, nak, reject or extension of a delivery."""

    op: int
    function: Function
    client: str
    message: str
    position: Position | None
    invoked: int
    returned: int = NEVER
    outcome: Outcome | None = None


class Membership(msgspec.Struct, gc=False):
    """One client joining (``subscribe``) or leaving (``close``) a group."""

    op: int
    function: Function
    client: str
    invoked: int
    returned: int = NEVER
    outcome: Outcome | None = None


class LogRead(msgspec.Struct, gc=False):
    """One read of a whole log, in the log's order."""

    op: int
    client: str
    invoked: int
    returned: int = NEVER
    outcome: Outcome | None = None
    seen: tuple[Seen, ...] = ()


Fact = Publish | Receive | Settlement | Membership | LogRead


class Sighting(NamedTuple):
    """A message that came out: where, by which op; ``group`` is empty for a read of the log."""

    destination: str
    group: str
    op: Receive | LogRead
    seen: Seen


@dataclass(frozen=True, slots=True)
class Handed:
    """What a group was handed, by position, in the order in which the receives returned.

    ``first`` holds the receive that first brought each position, ``again`` every later delivery of
    one. ``missed`` are the positions whose first delivery says that it is attempt 2 or more: an
    earlier one was lost together with the answer it was in.
    """

    first: dict[Position, Receive]
    again: list[tuple[Receive, Seen]]
    missed: frozenset[Position]

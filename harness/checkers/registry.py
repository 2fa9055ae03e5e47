"""Every checker by name: ours, one line each, and those of packages that bring their own.

A package adds one by the entry-point group ``broker_harness.checkers``, whose entries are checker
classes; nothing here has to change for it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.anomaly import Checker
from harness.checkers.dead_letter_exact import DeadLetterExact
from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.failed_stays_out import FailedStaysOut
from harness.checkers.lease_honoured import LeaseHonoured
from harness.checkers.no_altered_messages import NoAlteredMessages
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.no_phantom_messages import NoPhantomMessages
from harness.checkers.no_stored_duplicates import NoStoredDuplicates
from harness.checkers.one_message_per_position import OneMessagePerPosition
from harness.checkers.per_key_order import PerKeyOrder
from harness.checkers.right_destination import RightDestination
from harness.model.errors import UnknownName

ENTRY_POINTS = "broker_harness.checkers"

CheckerType = Callable[..., Checker]

CHECKERS: tuple[CheckerType, ...] = (
    NoLostMessages,
    EverythingDelivered,
    NoPhantomMessages,
    FailedStaysOut,
    NoAlteredMessages,
    RightDestination,
    OneMessagePerPosition,
    NoStoredDuplicates,
    AckedStaysAcked,
    PerKeyOrder,
    LeaseHonoured,
    DeadLetterExact,
)

ALWAYS: tuple[Checker, ...] = (
    NoPhantomMessages(),
    FailedStaysOut(),
    NoAlteredMessages(),
    RightDestination(),
    OneMessagePerPosition(),
    NoStoredDuplicates(),
)
"""What no scenario has to ask for: nothing a broker may do under any fault by its design."""


def known_checkers() -> dict[str, CheckerType]:
    """Every checker class by its name, those of other packages included."""
    ours = {checker.__name__: checker for checker in CHECKERS}
    return ours | {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINTS)}


def checker_named(name: str) -> CheckerType:
    """The checker class of that name; raises ``UnknownName`` with the nearest one there is."""
    known = known_checkers()
    if name not in known:
        raise UnknownName("checker", name, known)
    return known[name]

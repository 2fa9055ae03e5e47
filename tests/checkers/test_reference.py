"""The fast checkers agree with the plainest reading of their definitions on any small history.

Each reference below is its checker's docstring, taken literally: pairs and sets over all records,
no index. The histories are arbitrary, not a broker's: most are full of anomalies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.checkers.acked_stays_acked import AckedStaysAcked
from harness.checkers.anomaly import Checker
from harness.checkers.failed_stays_out import FailedStaysOut
from harness.checkers.no_altered_messages import NoAlteredMessages
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.no_phantom_messages import NoPhantomMessages
from harness.checkers.no_stored_duplicates import NoStoredDuplicates
from harness.checkers.one_message_per_position import OneMessagePerPosition
from harness.checkers.per_key_order import PerKeyOrder
from harness.checkers.right_destination import RightDestination
from harness.history.records import Function, Op, Seen, Stage
from harness.history.script import OWN_PACE, Script, When
from harness.model.message import Position
from harness.model.outcome import Outcome

MESSAGES = st.sampled_from("abcd")
DESTINATIONS = st.sampled_from(["orders", "invoices"])
OUTCOMES = st.sampled_from([Outcome.OK, Outcome.OK, Outcome.OK, Outcome.FAIL, Outcome.INFO, None])
POSITIONS = st.builds(Position, st.integers(0, 1), st.integers(1, 4))
WHENS = st.builds(lambda start, length: When(start, start + length), st.integers(0, 90), st.integers(0, 25))
ENTRIES = st.builds(
    Seen,
    MESSAGES,
    POSITIONS,
    st.integers(0, 2),
    st.sampled_from(["digest of a", "digest of b"]),
    st.sampled_from(["", "k"]),
    DESTINATIONS,
)


@st.composite
def wild_scripts(draw: st.DrawFn) -> Script:
    """A few publishes, receives, acks and reads of the log, consistent with nothing."""
    script = Script()
    for _ in range(draw(st.integers(0, 6))):
        script.publish(
            draw(MESSAGES),
            to=draw(DESTINATIONS),
            at=draw(POSITIONS),
            key=draw(st.sampled_from(["", "k"])),
            outcome=draw(OUTCOMES),
            deduplicated=draw(st.integers(0, 9)) == 0,
            when=draw(WHENS),
        )
    for _ in range(draw(st.integers(0, 5))):
        entries = draw(st.lists(ENTRIES | MESSAGES, max_size=3))
        script.receive(*entries, of=draw(DESTINATIONS), outcome=draw(OUTCOMES), when=draw(WHENS))
    for of in sorted(draw(st.sets(DESTINATIONS))):
        script.read_log(*draw(st.lists(ENTRIES | MESSAGES, max_size=4)), of=of, when=draw(WHENS))
    return script


@st.composite
def tame_scripts(draw: st.DrawFn) -> Script:
    """Messages of one destination, mostly acknowledged, in any order, delivered and acked in any order."""
    script = Script()
    order = draw(st.permutations(["a", "b", "c", "d"]))
    whens = WHENS if draw(st.booleans()) else st.just(OWN_PACE)
    in_order = [1, 2, 3, 4]
    any_places = st.lists(st.integers(1, 4), min_size=4, max_size=4)
    taken = draw(st.one_of(st.just(in_order), st.permutations(in_order), any_places))
    for message, place in zip(order, taken, strict=True):
        script.publish(
            message,
            at=Position(draw(st.sampled_from([0, 0, 0, 1])), place),
            writer=draw(st.sampled_from(["p1", "p1", "p1", "p1", "p2"])),
            key=draw(st.sampled_from(["k", "k", "k", ""])),
            outcome=draw(OUTCOMES),
            when=draw(whens),
        )
    for _ in range(draw(st.integers(1, 5))):
        named = draw(st.lists(MESSAGES, max_size=3, unique=True))
        entries = [script.entry(message, attempt=draw(st.sampled_from([0, 1, 1, 2]))) for message in named]
        client = draw(st.sampled_from(["c1", "c1", "c1", "c2"]))
        script.receive(*entries, client=client, when=draw(whens))
        acked = draw(st.booleans())
        if named and acked:
            script.ack(named[0], outcome=draw(OUTCOMES))
    if draw(st.booleans()):
        script.read_log(*draw(st.lists(MESSAGES, min_size=2, unique=True)))
    return script


class Pair(NamedTuple):
    """An op's two records; ``end`` None if there is but one."""

    begin: Op
    end: Op | None

    @property
    def ended(self) -> Stage | None:
        """How it ended."""
        return self.end.stage if self.end else None


def pairs(script: Script, *functions: Function) -> list[Pair]:
    """The ops of these functions, by the time of their end, the unended last."""
    ops = [record for record in script.records if isinstance(record, Op) and record.function in functions]
    ends = {op.op: op for op in ops if op.stage is not Stage.INVOKE}
    found = [Pair(op, ends.get(op.op)) for op in ops if op.stage is Stage.INVOKE]
    return sorted(found, key=lambda pair: (pair.end is None, pair.end.time if pair.end else 0))


def publishes(script: Script, message: str | None = None) -> list[Pair]:
    """All publishes, or those of one message, by invoke time."""
    found = sorted(pairs(script, Function.PUBLISH), key=lambda pair: pair.begin.time)
    return [pair for pair in found if message in (None, pair.begin.message)]


def sightings(script: Script) -> Iterator[tuple[Op, Op, Seen]]:
    """Every message that came out, with the records of the op it came out by."""
    for begin, end in pairs(script, Function.RECEIVE, Function.READ_LOG):
        for seen in end.seen if end else ():
            yield begin, end, seen  # type: ignore[misc]


def phantoms(script: Script) -> set[str]:
    """Came out, and no publish has its id."""
    return {seen.message for _, _, seen in sightings(script) if not publishes(script, seen.message)}


def failed(script: Script) -> set[str]:
    """Came out, and every publish of it, of which there are some, failed."""
    return {
        seen.message
        for _, _, seen in sightings(script)
        if (sent := publishes(script, seen.message)) and all(pair.ended is Stage.FAIL for pair in sent)
    }


def altered(script: Script) -> set[str]:
    """Came out with a digest and key that no publish of it had."""
    return {
        seen.message
        for _, _, seen in sightings(script)
        if (sent := publishes(script, seen.message))
        and (seen.digest, seen.key) not in {(pair.begin.digest, pair.begin.key) for pair in sent}
    }


def misrouted(script: Script) -> set[str]:
    """Came out under another name, or where it was not sent."""
    return {
        seen.message
        for begin, _, seen in sightings(script)
        if seen.destination != begin.destination
        or (
            (sent := publishes(script, seen.message))
            and begin.destination not in {pair.begin.destination for pair in sent}
        )
    }


def places(script: Script) -> set[tuple[str, Position, str]]:
    """Everything that says which message is where."""
    receipts = {
        (pair.begin.destination, pair.end.position, pair.begin.message)
        for pair in publishes(script)
        if pair.end and pair.end.position and not pair.end.deduplicated
    }
    return receipts | {
        (begin.destination, seen.position, seen.message) for begin, _, seen in sightings(script)
    }


def colliding(script: Script) -> set[str]:
    """At one position with another message."""
    return {
        message
        for destination, position, message in places(script)
        for other_destination, other_position, other in places(script)
        if (destination, position) == (other_destination, other_position) and message != other
    }


def doubled(script: Script) -> set[str]:
    """At more positions of a destination than publishes account for, of which there are some."""
    found = set()
    for destination, _, message in places(script):
        at = {place[1] for place in places(script) if (place[0], place[2]) == (destination, message)}
        effective = [
            pair
            for pair in publishes(script, message)
            if pair.begin.destination == destination and pair.ended is not Stage.FAIL
            if not (pair.end and pair.end.deduplicated)
        ]
        if 0 < len(effective) < len(at):
            found.add(message)
    return found


def lost(script: Script) -> set[str]:
    """Acknowledged before its log was read, and not in it."""
    return {
        pair.begin.message
        for log in pairs(script, Function.READ_LOG)
        for pair in publishes(script)
        if log.end and pair.begin.destination == log.begin.destination
        if pair.end and pair.ended is Stage.OK and pair.end.time <= log.begin.time
        if pair.begin.message not in {seen.message for seen in log.end.seen}
    }


def came_back(script: Script) -> set[str]:
    """Not the first delivery of its position, and invoked after an ack of it had ended ok."""
    found = set()
    for destination in ("orders", "invoices"):
        handed: list[Position] = []
        for receive in pairs(script, Function.RECEIVE):
            for seen in receive.end.seen if receive.end else ():
                if receive.begin.destination != destination:
                    continue
                acked = any(
                    ack.end and ack.ended is Stage.OK and ack.end.time < receive.begin.time
                    for ack in pairs(script, Function.ACK)
                    if (ack.begin.destination, ack.begin.message) == (destination, seen.message)
                    if ack.begin.position == seen.position
                )
                if acked and seen.position in handed:
                    found.add(seen.message)
                handed.append(seen.position)
    return found


def stored_at(script: Script, pair: Pair) -> Position | None:
    """Where the log holds a message first, else where its receipt says."""
    for log in pairs(script, Function.READ_LOG):
        for seen in log.end.seen if log.end else ():
            if (log.begin.destination, seen.message) == (pair.begin.destination, pair.begin.message):
                return seen.position
    return pair.end.position if pair.end else None


def takes_turns(receives: list[Pair]) -> bool:
    """No two receives overlap, and no client has one between two of another's."""
    for one in receives:
        for two in receives:
            if one is two or one.begin.time > two.begin.time:
                continue
            if one.end and one.end.time > two.begin.time:
                return False
            between = [each for each in receives if each not in (one, two)]
            if one.begin.client == two.begin.client and any(
                one.begin.time <= each.begin.time <= two.begin.time and each.begin.client != one.begin.client
                for each in between
            ):
                return False
    return True


def handed_first(script: Script, destination: str) -> list[Position]:
    """The positions in the order of their first deliveries, without those whose first was a later attempt."""
    receives = [pair for pair in pairs(script, Function.RECEIVE) if pair.begin.destination == destination]
    if not takes_turns(receives):
        return []
    order: dict[Position, int] = {}
    for receive in receives:
        for seen in receive.end.seen if receive.end else ():
            order.setdefault(seen.position, seen.attempt)
    return [position for position, attempt in order.items() if attempt < 2]


def overtaken(script: Script) -> set[str]:
    """Stored or first delivered after one that its writer published, of its key, when it had returned."""
    comparable = [
        pair
        for pair in publishes(script)
        if pair.end and pair.ended is Stage.OK and not pair.end.deduplicated
        if len(publishes(script, pair.begin.message)) == 1
    ]
    found = set()
    for earlier in comparable:
        for later in comparable:
            a, b = stored_at(script, earlier), stored_at(script, later)
            if one_chain(earlier, later) and a and b and a.partition == b.partition:
                order = handed_first(script, earlier.begin.destination)
                if a > b or (a in order and b in order and order.index(a) > order.index(b)):
                    found.add(earlier.begin.message)
    return found


def one_chain(earlier: Pair, later: Pair) -> bool:
    """Whether the two have a writer, a key and a destination in common and do not overlap."""
    a, b = earlier.begin, later.begin
    alike = (a.client, a.key, a.destination) == (b.client, b.key, b.destination)
    return alike and earlier.end is not None and earlier.end.time < b.time


@pytest.mark.parametrize(
    ("checker", "reference"),
    [
        (NoPhantomMessages(), phantoms),
        (FailedStaysOut(), failed),
        (NoAlteredMessages(), altered),
        (RightDestination(), misrouted),
        (OneMessagePerPosition(), colliding),
        (NoStoredDuplicates(), doubled),
        (NoLostMessages(), lost),
        (AckedStaysAcked(), came_back),
        (PerKeyOrder(), overtaken),
    ],
    ids=lambda value: getattr(value, "__name__", None) or type(value).__name__,
)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(script=st.one_of(tame_scripts(), tame_scripts(), wild_scripts()))
def test_fast_and_plain_agree(
    checker: Checker, reference: Callable[[Script], set[str]], script: Script
) -> None:
    """The messages a checker flags are exactly those its definition names."""
    flagged = {message for anomaly in checker(script.history()) for message in anomaly.messages}
    assert flagged == reference(script)

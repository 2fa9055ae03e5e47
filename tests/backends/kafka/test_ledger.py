"""The ledger: the floor rises over settled messages alone, and a replay repeats nothing that is out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.backends.kafka.ledger import Handed, Held, Ledger


def handed(*offsets: int) -> Ledger:
    """A ledger after these offsets were delivered for the first time."""
    ledger = Ledger()
    for offset in offsets:
        assert ledger.deliver(offset, now=0.0) == Handed(1)
    return ledger


def test_the_floor_is_the_end_of_the_settled_prefix() -> None:
    """What is settled behind an open message waits for it, then all is passed at once."""
    ledger = handed(5, 6, 7)
    assert not ledger.settle(7)
    assert not ledger.settle(6)
    assert ledger.floor == 5
    assert ledger.settle(5)
    assert ledger.floor == 8


def test_offsets_may_have_gaps() -> None:
    """Compaction and transaction markers leave holes, which are no open messages."""
    ledger = handed(0, 3, 9)
    assert ledger.settle(0)
    assert ledger.settle(3)
    assert ledger.settle(9)
    assert ledger.floor == 10


def test_settling_through_settles_all_before() -> None:
    """A cumulative acknowledgement passes every earlier message, and none later."""
    ledger = handed(0, 1, 2, 3)
    assert ledger.settle_through(2)
    assert ledger.floor == 3
    assert ledger.outstanding == 1


def test_settling_twice_is_settled() -> None:
    """The second acknowledgement of a message finds it passed."""
    ledger = handed(0)
    assert ledger.settle(0)
    assert ledger.settle(0)
    assert ledger.outstanding == 0


def test_nothing_is_to_be_committed_before_something_is_settled() -> None:
    """A first delivery tells where the group stands, which the group knows already."""
    ledger = handed(5)
    assert ledger.committed == ledger.floor == 5


def test_a_returned_message_is_delivered_again_with_the_next_attempt() -> None:
    """The replay starts at it and leaves out what is still out and what is settled."""
    ledger = handed(0, 1, 2)
    ledger.settle(1)
    ledger.give_back(0, due=0.0)
    assert ledger.replay() == (0, 0.0)
    assert ledger.deliver(0, now=1.0) == Handed(2)
    assert ledger.deliver(1, now=1.0) is None
    assert ledger.deliver(2, now=1.0) is None
    assert ledger.deliver(3, now=1.0) == Handed(1)


def test_the_earliest_returned_message_comes_first() -> None:
    """A partition goes on where its first returned message is, whatever was returned last."""
    ledger = handed(0, 1, 2)
    ledger.give_back(0, due=9.0)
    ledger.give_back(2, due=0.0)
    assert ledger.replay() == (0, 9.0)


def test_a_returned_message_is_held_until_it_is_due() -> None:
    """One that the replay reaches before its time stops the partition there."""
    ledger = handed(0, 1)
    ledger.give_back(0, due=0.0)
    ledger.give_back(1, due=5.0)
    ledger.replay()
    assert ledger.deliver(0, now=1.0) == Handed(2)
    assert ledger.deliver(1, now=1.0) == Held(5.0)
    assert ledger.replay() == (1, 5.0)
    assert ledger.deliver(1, now=5.0) == Handed(2)


def test_there_is_nothing_to_replay_without_a_returned_message() -> None:
    """A message settled after it was returned needs no seek any more."""
    ledger = handed(0)
    ledger.give_back(0, due=0.0)
    assert ledger.settle(0)
    assert ledger.replay() is None
    assert ledger.outstanding == 0


def test_a_repetition_that_nobody_asked_for_is_delivered() -> None:
    """A broker that goes back, outside of a replay, is not covered up."""
    ledger = handed(0, 1, 2)
    ledger.settle(0)
    assert ledger.deliver(1, now=0.0) == Handed(2)
    assert ledger.deliver(0, now=0.0) == Handed(1)
    assert ledger.settle(0)
    assert ledger.floor == 1


def test_a_replay_ends_with_the_first_new_message() -> None:
    """Going back after the replay is the broker's doing again."""
    ledger = handed(0, 1)
    ledger.give_back(0, due=0.0)
    ledger.replay()
    assert ledger.deliver(2, now=0.0) == Handed(1)
    assert ledger.deliver(1, now=0.0) == Handed(2)


@given(st.integers(1, 30), st.randoms(use_true_random=False))
def test_the_floor_never_passes_an_open_message(count: int, rng: object) -> None:
    """Whatever the order of settling, everything below the floor is settled, and all of it in the end."""
    ledger = handed(*range(count))
    order = list(range(count))
    rng.shuffle(order)  # type: ignore[attr-defined]  # hypothesis' own random.Random
    settled: set[int] = set()
    for offset in order:
        settled.add(offset)
        assert ledger.settle(offset) == (offset < ledger.floor)
        assert set(range(ledger.floor)) <= settled
        assert ledger.outstanding == count - len(settled)
    assert ledger.floor == count

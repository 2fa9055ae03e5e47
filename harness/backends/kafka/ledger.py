"""What one member has done with one partition: per-message acknowledgement on top of one offset.

Kafka keeps a single committed offset per partition and group, below which everything is settled. To
acknowledge message by message, the member keeps the deliveries that are open, and commits the
*floor*: the end of the settled prefix. Redelivery is a seek back to the returned message, which
makes the broker send everything behind it again; of that replay, what is still out with the
workload or already settled is left out. A delivery that repeats for any *other* reason (the broker's
log or the group's offset went back) is not left out: that is what checkers look for.

All of this is in memory, and gone with the member, which is why attempts are not the broker's word.
"""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass

_OUT = -1.0
_SETTLED = -2.0


@dataclass(frozen=True, slots=True)
class Handed:
    """A delivery is to be made: its attempt, counted from 1."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery may not be made before ``due`` (monotonic seconds)."""

    due: float


class Ledger:
    """The open deliveries of one partition since it was assigned; not thread-safe."""

    def __init__(self) -> None:
        self.floor = -1  # of a partition from which nothing was delivered
        self.committed = -1
        self.outstanding = 0
        self._open: dict[int, float] = {}  # offset -> _OUT, _SETTLED, or when it is due again
        self._order: deque[int] = deque()
        self._attempts: dict[int, int] = {}
        self._highest = -1
        self._replayed_to = -1

    def deliver(self, offset: int, now: float) -> Handed | Held | None:
        """Account for a message that came from the broker; ``None``: it is part of a replay, leave it out."""
        state = self._open.get(offset)
        if offset > self._replayed_to:
            self._replayed_to = -1
        if state is not None and state >= 0:
            if state > now:
                return Held(state)
        elif state is not None and offset <= self._replayed_to:
            return None
        self._take_out(offset, state)
        self._attempts[offset] = self._attempts.get(offset, 0) + 1
        return Handed(self._attempts[offset])

    def attempts(self, offset: int) -> int:
        """How often this member was handed the message since the partition was assigned to it."""
        return self._attempts.get(offset, 0)

    def settle(self, offset: int) -> bool:
        """Acknowledge one message; whether the floor has passed it."""
        if self._open.get(offset) == _OUT:
            self.outstanding -= 1
        if offset in self._open:
            self._open[offset] = _SETTLED
        self._raise_floor()
        return offset < self.floor

    def settle_through(self, offset: int) -> bool:
        """Acknowledge a message and every one before it; whether the floor has passed it."""
        for earlier in [known for known in self._order if known < offset]:
            self.settle(earlier)
        return self.settle(offset)

    def give_back(self, offset: int, due: float) -> None:
        """Have a message delivered again, at ``due`` (monotonic seconds)."""
        if self._open.get(offset) == _OUT:
            self.outstanding -= 1
            self._open[offset] = due

    def replay(self) -> tuple[int, float] | None:
        """Where to seek to, and when to go on, for the earliest returned message; ``None``: there is none."""
        returned = [offset for offset in self._order if self._open[offset] >= 0]
        if not returned:
            return None
        self._replayed_to = self._highest
        return returned[0], self._open[returned[0]]

    def _take_out(self, offset: int, state: float | None) -> None:
        if self.floor < 0:
            self.floor = self.committed = offset
        if offset >= self.floor:
            if state is None:
                self._enter(offset)
            self.outstanding += state != _OUT
            self._open[offset] = _OUT
        self._highest = max(self._highest, offset)

    def _enter(self, offset: int) -> None:
        if not self._order or self._order[-1] < offset:
            self._order.append(offset)
        else:
            bisect.insort(self._order, offset)

    def _raise_floor(self) -> None:
        while self._order and self._open[self._order[0]] == _SETTLED:
            done = self._order.popleft()
            del self._open[done]
            self._attempts.pop(done, None)
            self.floor = done + 1

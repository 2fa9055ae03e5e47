"""The simulated nodes: which of them work, which hear each other, and who leads what."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.model.cluster import Edge

CONTROLLER = ""
"""The seat of the cluster itself, beside one seat for each destination."""


class Line(NamedTuple):
    """A line of a node's log, with its time in unix seconds."""

    time: float
    text: str

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.time, UTC).isoformat(timespec='milliseconds')} {self.text}"


@dataclass(slots=True)
class Node:
    """A simulated node."""

    running: bool = True
    paused: bool = False
    killed: bool = False
    log: list[Line] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Write a line to its log."""
        self.log.append(Line(time.time(), text))

    @property
    def works(self) -> bool:
        """Whether it does anything at all."""
        return self.running and not self.paused


@dataclass(slots=True)
class Mesh:
    """Nodes and the edges that are cut between them."""

    nodes: dict[str, Node]
    cuts: set[Edge] = field(default_factory=set)

    def hears(self, listener: str, speaker: str) -> bool:
        """Whether what ``speaker`` sends now reaches ``listener``."""
        cut = any((edge.source, edge.destination) == (speaker, listener) for edge in self.cuts)
        return self.nodes[speaker].works and self.nodes[listener].works and not cut

    def talk(self, one: str, other: str) -> bool:
        """Whether the two work and hear each other."""
        return self.hears(one, other) and self.hears(other, one)

    def in_touch(self, node: str, replicas: Iterable[str]) -> tuple[str, ...]:
        """Those of ``replicas`` that ``node`` can exchange messages with, itself included."""
        return tuple(replica for replica in replicas if self.talk(node, replica))

    def has_majority(self, node: str, replicas: tuple[str, ...]) -> bool:
        """Whether ``node`` can get a majority of ``replicas`` to store something."""
        return 2 * len(self.in_touch(node, replicas)) > len(replicas)


@dataclass(slots=True)
class Seat:
    """Who leads one thing; ``idle_since`` is since when its leader cannot lead."""

    name: str
    replicas: tuple[str, ...]
    leader: str
    idle_since: float | None = None


class Elections:
    """Replaces a leader without a majority after ``delay`` seconds by a node that has one.

    A leader that is fit again before that stays. With no node fit, the seat waits for one.
    ``touch`` has to be called whenever a node or an edge changed.
    """

    def __init__(self, mesh: Mesh, delay: float) -> None:
        self._mesh = mesh
        self._delay = delay
        self.seats: dict[str, Seat] = {}
        self.due = -inf

    def touch(self) -> None:
        """Have every seat looked at again: between changes, only the end of an election matters."""
        self.due = -inf

    def open_seat(self, name: str, count: int) -> Seat:
        """Give the thing called ``name`` ``count`` replicas, and a leader with a turn of its own."""
        nodes = tuple(self._mesh.nodes)
        turn = len(self.seats) % len(nodes)
        order = sorted(nodes[turn:] + nodes[:turn], key=lambda node: not self._mesh.nodes[node].works)
        seat = self.seats[name] = Seat(name, tuple(order[:count]), order[0])
        return seat

    def fit(self, seat: Seat) -> bool:
        """Whether the leader can lead."""
        return self._mesh.has_majority(seat.leader, seat.replicas)

    def known_leader(self, seat: Seat, now: float) -> str:
        """What live nodes say of it: a leader just lost is still named until an election could be over."""
        overdue = seat.idle_since is not None and now >= seat.idle_since + self._delay
        return "" if overdue else seat.leader

    def advance(self, now: float) -> list[Seat]:
        """Hold the elections that are over by ``now``; the seats whose leader changed."""
        if now < self.due:
            return []
        moved = []
        for seat in self.seats.values():
            if self.fit(seat):
                seat.idle_since = None
                continue
            seat.idle_since = now if seat.idle_since is None else seat.idle_since
            if now >= seat.idle_since + self._delay and self._elect(seat):
                moved.append(seat)
        self.due = self._next_end(now)
        return moved

    def hand_over(self, node: str) -> list[Seat]:
        """Let a node that is about to stop give its seats away, where somebody can take them."""
        return [seat for seat in self.seats.values() if seat.leader == node and self._elect(seat)]

    def _next_end(self, now: float) -> float:
        # An election that is over without a winner waits for a change, not for a time.
        ends = (seat.idle_since + self._delay for seat in self.seats.values() if seat.idle_since is not None)
        return min((end for end in ends if end > now), default=inf)

    def _elect(self, seat: Seat) -> bool:
        others = (node for node in seat.replicas if node != seat.leader)
        winner = next((node for node in others if self._mesh.has_majority(node, seat.replicas)), None)
        if winner is None:
            return False
        seat.leader, seat.idle_since = winner, None
        self._mesh.nodes[winner].note(f"leads {seat.name or 'the cluster'}")
        return True

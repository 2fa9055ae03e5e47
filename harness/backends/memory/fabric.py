"""How requests get to the broker, or do not: the part of the simulated cluster that faults decide.

The broker's state is one object, as if every node replicated at once. A request is sent to one
node, which answers it itself or through the leader. It stays with a node that is frozen or out of
touch and is carried out when the node is itself again, whether or not its client still waits; it
dies with a node that is killed. Severing a link loses answers rather than requests: a poll that
waits is still handed messages, which come back when their lease is over, and the first request
after it on a connection that was idle is carried out too.

One lock guards everything, so that controls may come from threads. Time passes when somebody
looks: a control, a request, an observation.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Any

from harness.backends.memory.errors import BrokerError, ConnectionCut, NoLeader, Refused, UnknownDestination
from harness.backends.memory.mesh import CONTROLLER, Elections, Mesh, Node, Seat
from harness.model.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.backends.memory.broker import Broker
    from harness.backends.memory.request import Request
    from harness.model.link import Link


class Fabric:
    """Nodes, links and the requests that wait; ``clock`` is in seconds and never goes back."""

    def __init__(
        self, nodes: tuple[str, ...], broker: Broker, election: float, clock: Callable[[], float]
    ) -> None:
        self.broker = broker
        self.clock = clock
        self.lock = threading.RLock()
        self.mesh = Mesh({node: Node() for node in nodes})
        self.severed: set[tuple[Link, str]] = set()
        self.elections = Elections(self.mesh, election)
        self.elections.open_seat(CONTROLLER, len(nodes))
        self._inbox: dict[str, list[Request]] = {node: [] for node in nodes}
        self._announced = inf

    def node(self, name: str) -> Node:
        """The node of that name; raises ``UnknownName``."""
        if name not in self.mesh.nodes:
            raise UnknownName("node", name, self.mesh.nodes)
        return self.mesh.nodes[name]

    def seat(self, name: str) -> Seat:
        """Who leads what; raises ``UnknownDestination``."""
        if name not in self.elections.seats:
            raise UnknownDestination(name)
        return self.elections.seats[name]

    @contextmanager
    def change(self, name: str, what: str) -> Iterator[Node]:
        """Hold everything still while a control acts on a node, then let its effects happen."""
        with self.lock:
            self.tick()
            node = self.node(name)
            node.note(what)
            yield node
            self.elections.touch()
            self._pump(self.tick())

    # Time.

    @property
    def due(self) -> float:
        """When something happens by itself next."""
        return min(self.elections.due, self.broker.due)

    def tick(self) -> float:
        """Let happen what is due by now, and say what time it is."""
        with self.lock:
            now = self.clock()
            moved = self.elections.advance(now)
            self._tell_of(moved, now)
            if self.broker.advance(now) or moved:
                self._pump(now)
            return now

    def hand_over(self, node: str) -> None:
        """Let another node lead what ``node`` leads, and answer what it still can."""
        now = self.clock()
        self._tell_of(self.elections.hand_over(node), now)
        self._pump(now)

    def _tell_of(self, moved: list[Seat], now: float) -> None:
        for seat in moved:
            if seat.name != CONTROLLER:
                self.broker.promoted(now, seat.name)

    # Requests.

    @property
    def waiting(self) -> int:
        """How many requests wait at nodes now."""
        with self.lock:
            return sum(map(len, self._inbox.values()))

    def reaches(self, link: Link, node: str) -> bool:
        """Whether a connection to the node can be made over the link."""
        return self.node(node).running and (link, node) not in self.severed

    def locate(self, link: Link, seat: str | None) -> str:
        """The node to send to: the leader of ``seat`` as the nodes in reach tell, or any of them.

        Raises ``Refused`` when no node is in reach, ``UnknownDestination`` and ``NoLeader``.
        """
        with self.lock:
            now = self.tick()
            near = [node for node in self.mesh.nodes if self.reaches(link, node)]
            if not near:
                raise Refused(link, "any node")
            talking = [node for node in near if self.mesh.nodes[node].works]
            if seat is None or not talking:
                return (talking or near)[0]
            if not (leader := self.elections.known_leader(self.seat(seat), now)):
                raise NoLeader(seat)
            return leader

    def submit(self, node: str, request: Request, *, was_connected: bool) -> None:
        """Send the request to the node; its answer comes at once, later or never.

        Raises ``Refused`` where no connection can be made, ``ConnectionCut`` where one that was
        there is gone, and ``NoLeader`` where the leader is known to be dead.
        """
        with self.lock:
            now = self.tick()
            reached = self.reaches(request.link, node)
            if not reached and not (was_connected and self.node(node).running):
                raise Refused(request.link, node)
            done = self._try(node, request, now)
            if not done and (reached or request.lasting):
                self._check_leader(request.seat)
                self._inbox[node].append(request)
            self._pump(now)
            if not reached:
                raise ConnectionCut(request.link, node)

    def give_up(self, node: str, request: Request) -> bool:
        """Stop waiting for the request; tell whether the node merely had nothing to answer."""
        with self.lock:
            if not request.lasting and not request.is_over and request in self._inbox[node]:
                self._inbox[node].remove(request)
            return self._serves(node, request.seat)

    def lose(self, node: str) -> None:
        """End every request that waits at a node, which is going down, for good."""
        for request in self._inbox[node]:
            request.end(error=ConnectionCut(request.link, node))
        self._inbox[node].clear()

    def reset(self, node: str, link: Link) -> None:
        """End the connections of a link to a node; what was sent over them stays sent."""
        for request in self._inbox[node]:
            if request.link is link:
                request.end(error=ConnectionCut(link, node))

    def drop(self, owner: object, error: Exception) -> None:
        """End the waiting requests of a client or subscription that is being closed."""
        with self.lock:
            for node, waiting in self._inbox.items():
                for request in waiting:
                    if request.owner is owner:
                        request.end(error=error)
                self._inbox[node] = [each for each in waiting if each.lasting or each.owner is not owner]

    def _serves(self, node: str, seat: str | None) -> bool:
        if seat is None:
            return self.mesh.nodes[node].works
        its = self.seat(seat)
        return self.mesh.talk(node, its.leader) and self.elections.fit(its)

    def _check_leader(self, seat: str | None) -> None:
        if seat is not None and not self.mesh.nodes[self.seat(seat).leader].running:
            raise NoLeader(seat)

    def _try(self, node: str, request: Request, now: float) -> bool:
        try:
            answer = request.act(now) if self._serves(node, request.seat) else self._alone(node, request)
        except BrokerError as error:
            request.end(error=error)
            return True
        if answer is not None:
            request.end(answer)
        return answer is not None

    def _alone(self, node: str, request: Request) -> Any:
        if request.seat is None or request.message is None or not self.mesh.nodes[node].works:
            return None
        return self.broker.without_majority(request.seat, request.message)

    def _pump(self, now: float) -> None:
        """Try every waiting request until none can be answered: one's effect is another's answer."""
        while any(self._try_waiting(node, now) for node in self._inbox):
            pass
        if self.due < self._announced:
            # Who waits, waits until the time that was due before.
            for request in (each for waiting in self._inbox.values() for each in waiting):
                request.wake()
        self._announced = self.due

    def _try_waiting(self, node: str, now: float) -> bool:
        waiting = self._inbox[node]
        kept = [request for request in waiting if not self._is_stale(request, now)]
        self._inbox[node] = [request for request in kept if not self._try(node, request, now)]
        return len(self._inbox[node]) < len(kept)

    def _is_stale(self, request: Request, now: float) -> bool:
        return not request.lasting and now > request.deadline

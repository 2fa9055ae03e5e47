"""The simulated cluster's controls: what a fault does to nodes, links and edges in this process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.backends.memory.errors import NotEnoughNodes
from harness.backends.memory.fabric import Fabric
from harness.engine.cuts import HeldCuts
from harness.model.cluster import ClusterSpec, Edge, Endpoint, NodeState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.backends.memory.broker import Broker
    from harness.backends.memory.mesh import Node
    from harness.model.destination import Destination
    from harness.model.link import Link


class MemoryCluster:
    """A cluster of simulated nodes; see ``harness.model.cluster.Cluster``.

    ``election`` is how long a seat stays without a leader, in seconds, and ``patience`` how long
    a client waits for an answer where the contract names no time. ``clock`` must never go back.
    """

    def __init__(
        self,
        spec: ClusterSpec,
        broker: Broker,
        *,
        election: float = 0.05,
        patience: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self.patience = patience
        self._held = HeldCuts()
        self.fabric = Fabric(tuple(f"n{number + 1}" for number in range(spec.nodes)), broker, election, clock)

    @property
    def spec(self) -> ClusterSpec:
        """What was asked for."""
        return self._spec

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of all nodes, running or not."""
        return tuple(self.fabric.mesh.nodes)

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:  # noqa: ARG002 - nobody listens
        """No address: the cluster is in this process alone."""
        self.fabric.node(node)
        return Endpoint("127.0.0.1", 0)

    def state(self, node: str) -> NodeState:
        """Whether the node runs and whether it is frozen."""
        it = self.fabric.node(node)
        return NodeState(it.running, it.paused, it.killed)

    def log(self, node: str, lines: int | None = None, since: float = 0.0) -> str:
        """What happened to the node since ``since`` in unix seconds, the last ``lines`` of it."""
        whole = [str(line) for line in self.fabric.node(node).log if line.time >= since]
        return "\n".join(whole if lines is None else whole[max(len(whole) - lines, 0) :])

    def create(self, destination: Destination) -> None:
        """Create the destination and its dead letter, each with a leader and replicas."""
        working = sum(self.fabric.mesh.nodes[node].works for node in self.nodes)
        if destination.replicas > working:
            raise NotEnoughNodes(destination.name, destination.replicas, working)
        self.fabric.broker.create(destination)
        each: Destination | None = destination
        while each is not None:
            if each.name not in self.fabric.elections.seats:
                self.fabric.elections.open_seat(each.name, each.replicas)
            each = each.dead_letter

    def pause(self, node: str) -> None:
        """Freeze a running node."""
        with self.fabric.change(node, "paused") as it:
            it.paused = it.running

    def unpause(self, node: str) -> None:
        """Thaw it; what was sent to it meanwhile is carried out."""
        with self.fabric.change(node, "unpaused") as it:
            it.paused = False

    def kill(self, node: str) -> None:
        """End it at once, and with it every request it has."""
        with self.fabric.change(node, "killed") as it:
            if it.running:
                it.killed = True
                led = [seat.name for seat in self.fabric.elections.seats.values() if seat.leader == node]
                self.fabric.broker.crashed(self.fabric.clock(), led)
            self._end(node, it)

    def stop(self, node: str, grace: float = 10.0) -> None:  # noqa: ARG002 - it needs no time
        """End it in good order: another node leads what it led, if one can."""
        with self.fabric.change(node, "stopped") as it:
            if it.works:
                self.fabric.hand_over(node)
            self._end(node, it)

    def start(self, node: str) -> None:
        """Start it again with the log it had."""
        with self.fabric.change(node, "started") as it:
            if not it.running:
                it.running, it.killed = True, False
                held = [seat.name for seat in self.fabric.elections.seats.values() if node in seat.replicas]
                self.fabric.broker.restarted(self.fabric.clock(), held)

    def sever(self, link: Link, nodes: Sequence[str]) -> None:
        """Break the link's connections to ``nodes`` and let no new ones be made."""
        for node in nodes:
            with self.fabric.change(node, f"{link} link severed"):
                self.fabric.severed.add((link, node))
                self.fabric.reset(node, link)

    def restore(self, link: Link, nodes: Sequence[str]) -> None:
        """Let connections be made again."""
        for node in nodes:
            with self.fabric.change(node, f"{link} link restored"):
                self.fabric.severed.discard((link, node))

    def cut(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Lose what crosses these edges; there are no ports here, so an edge's port is ignored."""
        self._held.take(edges, holder)
        for edge in edges:
            self.fabric.node(edge.destination)
            with self.fabric.change(edge.source, f"cut {edge.source}>{edge.destination}"):
                self.fabric.mesh.cuts.add(edge)

    def mend(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Undo the holder's ``cut`` of these very edges."""
        for edge in self._held.give(edges, holder):
            with self.fabric.change(edge.source, f"mended {edge.source}>{edge.destination}"):
                self.fabric.mesh.cuts.discard(edge)

    def passes(self, edge: Edge) -> bool:
        """Whether the edge is whole, whatever its ends do: a kernel takes packets for a dead process."""
        ends = (edge.source, edge.destination)
        return not any((cut.source, cut.destination) == ends for cut in self.fabric.mesh.cuts)

    def heal(self) -> None:
        """Undo everything, whoever did it."""
        with self.fabric.lock:
            edges = tuple(self.fabric.mesh.cuts)
            self._held.clear()
            self.mend(edges)
            for link, node in tuple(self.fabric.severed):
                self.restore(link, [node])
            for node in self.nodes:
                self.unpause(node)
                self.start(node)

    def remove(self) -> None:
        """End every node."""
        for node in self.nodes:
            self.kill(node)

    def _end(self, name: str, node: Node) -> None:
        node.running = node.paused = False
        self.fabric.lose(name)

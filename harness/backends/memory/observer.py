"""Our own eyes on the simulated cluster: the mesh and the seats, looked at directly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.backends.memory.errors import NoAnswer, Refused
from harness.backends.memory.mesh import CONTROLLER
from harness.model.link import Link

if TYPE_CHECKING:
    from harness.backends.memory.cluster import MemoryCluster
    from harness.model.destination import Destination


class MemoryObserver:
    """See ``harness.backends.contract.Observer``; a silent node is told at once, not after a wait."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self._fabric = cluster.fabric

    async def not_ready(self) -> str:
        """Nodes that do not work, and replicas that their leader cannot reach."""
        with self._fabric.lock:
            self._fabric.tick()
            nodes = self._fabric.mesh.nodes
            down = [f"{name} does not answer" for name, node in nodes.items() if not node.works]
            behind = [
                f"{name or 'the cluster'}: {', '.join(late)} behind"
                for name in self._fabric.elections.seats
                if (late := self._behind(name))
            ]
        return "; ".join(down + behind)

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Whether the node works and the link to it is whole."""
        return self._fabric.node(node).works and self._fabric.reaches(link, node)

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        """One leader for all partitions; raises ``Refused`` or ``NoAnswer`` when no node answers."""
        return (self._leader(destination.name),) * destination.partitions

    async def controller(self) -> str:
        """Who leads the cluster; raises ``Refused`` or ``NoAnswer`` when no node answers."""
        return self._leader(CONTROLLER)

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        """Whom the node hears; raises ``Refused`` when it is down and ``NoAnswer`` when frozen."""
        self._ask(node)
        mesh = self._fabric.mesh
        return frozenset(other for other in mesh.nodes if other != node and mesh.hears(node, other))

    async def replicas_in_sync(self, destination: Destination) -> bool:
        """Whether the leader reaches every replica: the simulation replicates at once."""
        with self._fabric.lock:
            self._fabric.tick()
            return not self._behind(destination.name)

    async def close(self) -> None:
        """Nothing is open."""

    def _leader(self, seat: str) -> str:
        with self._fabric.lock:
            now = self._fabric.tick()
            self._ask(self._fabric.locate(Link.ADMIN, None))
            return self._fabric.elections.known_leader(self._fabric.seat(seat), now)

    def _ask(self, node: str) -> None:
        it = self._fabric.node(node)
        if not it.running:
            raise Refused(Link.ADMIN, node)
        if it.paused:
            raise NoAnswer(node, 0.0)

    def _behind(self, seat: str) -> list[str]:
        its = self._fabric.seat(seat)
        current = self._fabric.mesh.in_touch(its.leader, its.replicas)
        return [node for node in its.replicas if node not in current]

"""The backend contract, as small as it can be: what four brokers must answer for the matrix to run.

A backend is a frozen object that names what it can do and makes three things: a *cluster*
(synchronous, see ``model.cluster``), *clients* (made per case, inside its event loop) and an
*observer* (our own eyes, always through the admin link, which no fault touches).

Clients raise what their library raises. ``classify`` says whether such an exception is a definite
failure or unknown; whatever it does not list is unknown. No client retries, buffers or hides
anything: every default of a library that does is pinned off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from harness.history.records import Function
from harness.model.capability import Capability
from harness.model.claim import Claim
from harness.model.cluster import Cluster, ClusterSpec
from harness.model.consumer import Backlog, ConsumerConfig
from harness.model.destination import Destination
from harness.model.link import Link
from harness.model.message import Delivery, Message, Receipt, Stored
from harness.model.outcome import Outcome


class Subscription(Protocol):
    """One member of a group.

    ``ack`` and ``reject`` return when the broker has confirmed them, and say so by ``True``. Where
    there is nothing to wait for they raise nothing and return ``False``: the history then records the
    outcome as unknown.
    """

    async def receive(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Up to ``limit`` deliveries; empty when there was none within ``timeout`` seconds.

        Raises the client's own error when the broker did not answer: empty is not "gone".
        """
        ...

    async def ack(self, delivery: Delivery) -> bool:
        """Settle it for the group; whether the broker has confirmed it."""
        ...

    async def nak(self, delivery: Delivery, delay: float = 0.0) -> None: ...
    async def reject(self, delivery: Delivery) -> bool:
        """Dead-letter at once; whether the broker has confirmed that it is settled."""
        ...

    async def extend(self, delivery: Delivery) -> None:
        """Start the lease anew."""
        ...

    async def close(self) -> None:
        """Leave the group in good order; never raises, returns within 2 s."""
        ...


class Client(Protocol):
    """One connection of one logical client over one link; reconnects by itself, retries nothing."""

    async def connect(self) -> None: ...
    async def disconnect(self) -> None:
        """Close for good; never raises, returns within 2 s even when the broker is gone."""
        ...

    @property
    def is_connected(self) -> bool: ...
    async def create_destination(self, destination: Destination) -> None:
        """Create it, and its dead letter if it names one, and return when it has a leader and replicas."""
        ...

    async def publish(self, destination: Destination, message: Message, timeout: float) -> Receipt:
        """Publish once; returns on the broker's acknowledgement at the tier of the cluster."""
        ...

    async def subscribe(self, destination: Destination, config: ConsumerConfig) -> Subscription:
        """Join the group, creating it if it is new."""
        ...

    async def read_log(self, destination: Destination) -> Sequence[Stored]:
        """Everything the log holds now, in the log's order, bypassing every group."""
        ...

    async def backlog(self, destination: Destination, group: str) -> Backlog: ...


class Observer(Protocol):
    """What the cluster says of itself, asked of a node over the admin link, each within 2 s."""

    async def not_ready(self) -> str:
        """What keeps the cluster from being healthy (all nodes, all replicas in sync); empty if nothing."""
        ...

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        """Whether ``node`` answers a request of its protocol over ``link``, within about 1 s."""
        ...

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        """The leader of each partition, in order; an empty name where there is none. Asks a live node."""
        ...

    async def controller(self) -> str:
        """The node that rules the cluster's metadata; empty where there is none."""
        ...

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        """The *other* nodes that ``node`` believes alive; raises if ``node`` itself does not answer."""
        ...

    async def replicas_in_sync(self, destination: Destination) -> bool:
        """Whether every replica of every partition has everything its leader has."""
        ...

    async def close(self) -> None: ...


class Talk(Protocol):
    """One connection of ours to a node over one link, held open to see what a fault does to it.

    Both questions raise ``TimeoutError`` after ``within`` seconds without an answer on a connection
    that is still open, and ``ConnectionError`` when it has ended.
    """

    @property
    def received(self) -> int:
        """How many bytes have arrived on it."""
        ...

    @property
    def largest(self) -> int:
        """The most bytes a request can carry."""
        ...

    @property
    def echoes(self) -> bool:
        """Whether an answer is as large as its request."""
        ...

    async def ask(self, within: float, size: int = 0) -> float:
        """The seconds one request that carries ``size`` bytes takes to be answered."""
        ...

    async def dismissed(self, within: float) -> float:
        """Have the node end the connection, and return the seconds until that is seen here."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class CanTalk(Protocol):
    """An observer that can hold a connection over a link."""

    async def talk(self, node: str, link: Link) -> Talk:
        """A connection that has been greeted; raises ``OSError`` when there is none within 2 s."""
        ...


class Backend(Protocol):
    """A broker technology and the way we use it; stateless."""

    @property
    def name(self) -> str: ...
    @property
    def node_counts(self) -> tuple[int, ...]: ...
    @property
    def capabilities(self) -> frozenset[Capability]: ...
    @property
    def claims(self) -> tuple[Claim, ...]: ...
    def tiers(self, nodes: int) -> tuple[str, ...]:
        """The tiers a cluster of ``nodes`` can have, the default one first."""
        ...

    def missing_extra(self) -> str:
        """What to install before a client can be made; empty if nothing. Imports no library."""
        ...

    def start(self, spec: ClusterSpec, owner: str, cluster_id: str = "") -> Cluster:
        """Start the cluster's nodes without waiting for them.

        ``owner`` labels all it creates; ``cluster_id`` names the cluster where clusters have ids.
        """
        ...

    def client(self, cluster: Cluster, link: Link, name: str) -> Client: ...
    def observer(self, cluster: Cluster) -> Observer: ...
    def classify(self, function: Function, error: Exception) -> Outcome:
        """``FAIL`` for what is listed as a definite failure, ``INFO`` for everything else."""
        ...

"""A cluster as the rest of the harness sees it: names, endpoints, and what can be done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from harness.model.link import Link

VOLUME, IMAGE = "volume", "image"
STORAGES = (VOLUME, IMAGE)


@dataclass(frozen=True, slots=True, order=True)
class ClusterSpec:
    """What has to be the same for two cases to share a cluster.

    ``storage`` is what the nodes' data is on: ``volume``, or ``image`` for a disk of each node's
    own that can lose its power and be full.
    """

    backend: str
    version: str
    nodes: int
    tier: str
    storage: str = VOLUME

    def __str__(self) -> str:
        disk = "" if self.storage == VOLUME else f"-{self.storage}"
        return f"{self.backend}@{self.version}-n{self.nodes}-{self.tier}{disk}"


class Endpoint(NamedTuple):
    """An address on this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Edge(NamedTuple):
    """One direction of the mesh: what ``source`` sends to ``destination`` (``port`` None: to any)."""

    source: str
    destination: str
    port: int | None = None


class NodeState(NamedTuple):
    """The engine's word on a node; never taken as proof that a fault bit."""

    running: bool
    paused: bool
    killed: bool = False
    """It does not run because it was killed, rather than stopped in good order."""


@dataclass(frozen=True, slots=True)
class Toxic:
    """What is done to the bytes of a link: a kind of the link proxy and its attributes.

    ``name`` tells the faults apart that use one kind. ``upstream`` is towards the node.
    """

    name: str
    kind: str
    attributes: Mapping[str, int]
    upstream: bool = True
    downstream: bool = True

    @property
    def streams(self) -> tuple[str, ...]:
        """The directions it is in."""
        wanted = {"upstream": self.upstream, "downstream": self.downstream}
        return tuple(stream for stream, is_wanted in wanted.items() if is_wanted)


class Cluster(Protocol):
    """Running nodes: plain synchronous controls without an event loop, safe to call in threads.

    Every control is idempotent. Names of nodes are ``n1``, ``n2``, ... .
    """

    @property
    def spec(self) -> ClusterSpec: ...
    @property
    def nodes(self) -> tuple[str, ...]: ...
    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        """Where clients of ``link`` reach ``node``; survives every kill and restart."""
        ...

    def state(self, node: str) -> NodeState: ...
    def log(self, node: str, lines: int | None = None, since: float = 0.0) -> str:
        """What ``node`` wrote: its last ``lines`` (``None``: all) since ``since`` in unix seconds."""
        ...

    def pause(self, node: str) -> None: ...
    def unpause(self, node: str) -> None: ...
    def kill(self, node: str) -> None: ...
    def stop(self, node: str, grace: float = 10.0) -> None: ...
    def start(self, node: str) -> None: ...
    def sever(self, link: Link, nodes: Sequence[str]) -> None: ...
    def restore(self, link: Link, nodes: Sequence[str]) -> None: ...
    def cut(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Drop every packet of these edges, on behalf of ``holder``."""
        ...

    def mend(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Let these pass again, save those that another holder has cut."""
        ...

    def passes(self, edge: Edge) -> bool:
        """Whether a packet that ``edge.source`` sends now gets to ``edge.destination``: one is sent."""
        ...

    def heal(self) -> None:
        """Undo everything above, whoever did it: every node runs, no link or edge is cut."""
        ...

    def remove(self) -> None:
        """Take the cluster away: containers, networks, volumes, paused nodes included."""
        ...


@runtime_checkable
class CanShapeLinks(Protocol):
    """A cluster that can do more to the bytes of a link than let them pass or not; both idempotent."""

    def add_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Put a toxic in force, for open and new connections; one of that name gets these attributes."""
        ...

    def rest_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Let everything pass again what this toxic held, delayed or refused."""
        ...

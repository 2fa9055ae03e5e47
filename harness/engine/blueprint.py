"""What the engine has to be told to run a backend's nodes in containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.link import Link

DATA = "/data"
"""Where a node's durable volume is mounted, in the node and in its mesh helper alike."""


@dataclass(frozen=True, slots=True)
class ProxiedPort:
    """One listener of the link proxy: ``link`` of a node reaches the node's ``port``.

    ``name`` tells several ports of one node apart (``client``; Redis has ``sentinel`` too).
    """

    link: Link
    port: int
    name: str = "client"


@dataclass(frozen=True, slots=True)
class NodePlan:
    """How one node runs. ``files`` are put below ``DATA`` before its first start."""

    image: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str = "SIGTERM"


@dataclass(frozen=True, slots=True)
class Addresses:
    """What exists before the nodes do: who the peers are, and where clients will reach them.

    ``nodes`` are resolvable host names on the cluster's network. ``outside`` is the address of
    each proxied port on this machine; ``inside`` the same for containers of the network.
    """

    nodes: tuple[str, ...]
    outside: Mapping[tuple[str, Link, str], Endpoint]
    inside: Mapping[tuple[str, Link, str], Endpoint]


class Blueprint(Protocol):
    """A backend's nodes as data; ``megabytes`` is one node's memory, for the pool's reckoning."""

    @property
    def backend(self) -> str: ...
    @property
    def megabytes(self) -> int: ...
    def ports(self) -> Sequence[ProxiedPort]: ...
    def node(self, spec: ClusterSpec, node: str, addresses: Addresses) -> NodePlan: ...

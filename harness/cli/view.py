"""What there is to see of a kept cluster: for people as lines, for programs as data."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from harness.cli.in_force import InForce, faults_in_force
from harness.cli.kept import Kept, Span
from harness.cli.output import duration, paragraph, table
from harness.model.destination import Destination

if TYPE_CHECKING:
    from harness.backends.contract import Backend
    from harness.model.cluster import Cluster

LOOK_WITHIN = 3.0
_ABREAST = 3
"""Nodes whose addresses stand side by side in 80 columns."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node; ``state`` is the engine's word: ``running``, ``paused``, ``stopped`` or ``gone``."""

    node: str
    state: str
    roles: tuple[str, ...]
    endpoints: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Said:
    """What the cluster says of itself; ``lacks`` is empty when it is whole."""

    lacks: str
    controller: str
    leaders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster as it is now; ``destination`` is what the role of leader refers to."""

    kept: Kept
    span: Span
    nodes: tuple[NodeView, ...]
    lacks: str
    destination: str
    faults: tuple[InForce, ...]

    def as_data(self) -> dict[str, Any]:
        """For ``--json``; times are unix seconds."""
        spec = self.kept.spec
        return {
            "name": self.kept.name,
            "id": self.kept.id,
            **asdict(spec),
            **self.span._asdict(),
            "ready": not self.lacks,
            "lacks": self.lacks,
            "destination": self.destination,
            "nodes": [asdict(node) for node in self.nodes],
            "faults": [fault.as_data() for fault in self.faults],
        }

    def lines(self, now: float) -> list[str]:
        """For people; ``now`` is in unix seconds."""
        state = f"not ready: {self.lacks}" if self.lacks else "ready"
        return [
            f"{self.kept.name}: {self.kept.spec}, {_age(self.span, now)}",
            paragraph(state),
            *table([("node", "state", "role"), *map(_row, self.nodes)]),
            *_addresses(self.nodes),
            *_faults(self.faults, now),
        ]


def view(kept: Kept, span: Span, destination: str) -> ClusterView:
    """Look at a cluster now: at most a few seconds, whatever is wrong with it."""
    import anyio  # noqa: PLC0415 - pays for what it uses only

    cluster = kept.attach()
    subject = Destination(destination, replicas=min(3, len(cluster.nodes)))
    said = anyio.run(_ask, kept.backend, cluster, subject)
    nodes = [
        NodeView(node, state_of(cluster, node), _roles(node, said), _endpoints(kept, node))
        for node in cluster.nodes
    ]
    return ClusterView(kept, span, tuple(nodes), said.lacks, destination, tuple(faults_in_force(kept.id)))


def state_of(cluster: Cluster, node: str) -> str:
    """Return the engine's word on a node."""
    from docker.errors import NotFound  # noqa: PLC0415 - pays for what it uses only

    try:
        state = cluster.state(node)
    except NotFound:
        return "gone"
    return "paused" if state.paused else "running" if state.running else "stopped"


async def _ask(backend: Backend, cluster: Cluster, destination: Destination) -> Said:
    observer = backend.observer(cluster)
    try:
        return Said(
            await _within(observer.not_ready(), f"no answer within {LOOK_WITHIN:g} s"),
            await _within(observer.controller(), ""),
            await _within(observer.leaders(destination), ()),
        )
    finally:
        await observer.close()


async def _within(question: Awaitable[T], otherwise: T) -> T:
    """Return the answer; a cluster under a fault may have none."""
    import anyio  # noqa: PLC0415 - pays for what it uses only

    with anyio.move_on_after(LOOK_WITHIN), suppress(Exception):
        return await question
    return otherwise


def _roles(node: str, said: Said) -> tuple[str, ...]:
    return tuple(
        role
        for role, held in (("controller", node == said.controller), ("leader", node in said.leaders))
        if held
    )


def _endpoints(kept: Kept, node: str) -> dict[str, dict[str, str]]:
    """Return the addresses of a node by link and port."""
    found: dict[str, dict[str, str]] = {}
    for port in kept.description.outside:
        if port.node == node:
            found.setdefault(port.link, {})[port.name] = f"{port.host}:{port.port}"
    return found


def _age(span: Span, now: float) -> str:
    up = "" if span.created is None else f"up {duration(now - span.created)}, "
    if span.expires is None:
        return f"{up}nothing of it is left on the engine"
    if span.expires < now:
        return f"{up}expired {duration(now - span.expires)} ago"
    return f"{up}stays for {duration(span.expires - now)}"


def _row(node: NodeView) -> tuple[str, str, str]:
    return node.node, node.state, ", ".join(node.roles)


def _addresses(nodes: Sequence[NodeView]) -> list[str]:
    lines = []
    for start in range(0, len(nodes), _ABREAST):
        abreast = nodes[start : start + _ABREAST]
        ports = [(link, port) for link, ports in abreast[0].endpoints.items() for port in ports]
        rows = [(link, port, *(node.endpoints[link][port] for node in abreast)) for link, port in ports]
        lines += table([("link", "port", *(node.node for node in abreast)), *rows])
    return lines


def _faults(faults: Sequence[InForce], now: float) -> list[str]:
    if not faults:
        return []
    told = [f"{fault.text} since {duration(now - fault.time)}: {fault.told}" for fault in faults]
    return ["  faults in force", *(paragraph(line, 4) for line in told)]

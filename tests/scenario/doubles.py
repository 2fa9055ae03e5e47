"""A cluster, an observer and a fault that do what a test tells them to, and remember what was asked."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.faults.contract import Field, Hit
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, FaultRecord, Header, Observation, Record
from harness.history.store import part, read_case
from harness.model.cluster import ClusterSpec, Edge, Endpoint, NodeState
from harness.model.destination import Destination
from harness.model.link import Link
from harness.scenario.ledger import Ledger

T = TypeVar("T")

ORDERS = Destination("orders")
SPEC = ClusterSpec("told", "1", 3, "r3")


class ToldCluster:
    """Remembers what was done to it; ``fails`` names the controls that raise, and what."""

    def __init__(self, *nodes: str, spec: ClusterSpec = SPEC) -> None:
        self.nodes = nodes or ("n1", "n2", "n3")
        self.spec = spec
        self.done: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.down: set[str] = set()

    def _did(self, what: str, *about: object) -> None:
        line = " ".join([what, *map(str, about)])
        self.done.append(line)
        if line in self.fails:
            raise self.fails[line]

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        return Endpoint("127.0.0.1", 1)

    def state(self, node: str) -> NodeState:
        down = node in self.down
        return NodeState(running=not down, paused=False, killed=down)

    def log(self, node: str, lines: int | None = None, since: float = 0.0) -> str:
        return f"{node} says so"

    def pause(self, node: str) -> None:
        self._did("pause", node)

    def unpause(self, node: str) -> None:
        self._did("unpause", node)

    def kill(self, node: str) -> None:
        self._did("kill", node)

    def stop(self, node: str, grace: float = 10.0) -> None:
        self._did("stop", node)

    def start(self, node: str) -> None:
        self._did("start", node)

    def sever(self, link: Link, nodes: Sequence[str]) -> None:
        self._did("sever", link, *nodes)

    def restore(self, link: Link, nodes: Sequence[str]) -> None:
        self._did("restore", link, *nodes)

    def cut(self, edges: Sequence[Edge], holder: str = "") -> None:
        self._did("cut", *(f"{edge.source}>{edge.destination}" for edge in edges))

    def mend(self, edges: Sequence[Edge], holder: str = "") -> None:
        self._did("mend", *(f"{edge.source}>{edge.destination}" for edge in edges))

    def passes(self, edge: Edge) -> bool:
        return True

    def heal(self) -> None:
        self._did("heal")

    def remove(self) -> None:
        self._did("remove")


@dataclass
class ToldObserver:
    """Sees what it is told to; ``silent`` holds nodes, and pairs of node and link, that do not answer.

    ``alive`` says whom each node believes alive, everybody by default. ``leading`` and ``ruling``
    are asked again and again: each answer but the last is given once.
    """

    leading: list[tuple[str, ...] | Exception] = field(default_factory=lambda: [("n1",)])
    ruling: list[str] = field(default_factory=lambda: ["n2"])
    silent: set[str | tuple[str, Link]] = field(default_factory=set)
    alive: dict[str, frozenset[str]] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=lambda: [""])
    in_sync: bool = True
    asked: int = 0
    closed: bool = False

    async def not_ready(self) -> str:
        return _next(self.lacking)

    async def answers(self, node: str, link: Link = Link.ADMIN) -> bool:
        self.asked += 1
        return node not in self.silent and (node, link) not in self.silent

    async def leaders(self, destination: Destination) -> tuple[str, ...]:
        answer = _next(self.leading)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def controller(self) -> str:
        return _next(self.ruling)

    async def peers_seen_alive(self, node: str) -> frozenset[str]:
        return self.alive.get(node, frozenset({"n1", "n2", "n3"}) - {node})

    async def replicas_in_sync(self, destination: Destination) -> bool:
        return self.in_sync

    async def close(self) -> None:
        self.closed = True


def _next(answers: list[T]) -> T:
    return answers.pop(0) if len(answers) > 1 else answers[0]


def field_of(cluster: ToldCluster, observer: ToldObserver, seed: int = 1) -> Field:
    """The field that a fault plays on."""
    return Field(cluster, observer, ORDERS, random.Random(seed))


Step = Callable[[], Awaitable[Any]]


async def _nothing() -> None:
    return


async def _evidence() -> str:
    return "seen"


@dataclass
class ToldFault:
    """A fault of which each step can be replaced; remembers the order in which they were taken."""

    injecting: Step = _nothing
    verifying: Step = _evidence
    reacting: Step = _evidence
    healing: Step = _nothing
    steps: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return "told"

    async def inject(self, field: Field) -> Hit:
        self.steps.append("inject")
        await self.injecting()
        return Hit(("n1",), ("n1",))

    async def verify(self, field: Field, hit: Hit) -> str:
        self.steps.append("verify")
        return str(await self.verifying())

    async def reacted(self, field: Field, hit: Hit) -> str:
        self.steps.append("reacted")
        return str(await self.reacting())

    async def heal(self, field: Field, hit: Hit) -> None:
        self.steps.append(f"heal {', '.join(hit.nodes) or 'nothing'}")
        await self.healing()


HEADER = Header(FORMAT_VERSION, "case", "told", "1", 3, "r3", 1, 0, 0, 1)


class Notebook:
    """A history in a directory, written through a recorder and read back."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.recorder = Recorder(part(directory, 0), HEADER)
        self.ledger = Ledger(self.recorder)

    def records(self) -> list[Record]:
        """Everything but the header, in order."""
        return [record for record in read_case(self.directory) if not isinstance(record, Header)]

    def faults(self) -> list[FaultRecord]:
        """The steps of faults."""
        return [record for record in self.records() if isinstance(record, FaultRecord)]

    def stages(self) -> list[str]:
        """The steps of faults by name."""
        return [str(record.stage) for record in self.faults()]

    def observations(self, name: str) -> list[Observation]:
        """What was observed under that name."""
        return [
            record for record in self.records() if isinstance(record, Observation) and record.name == name
        ]

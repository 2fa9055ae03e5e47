"""Which clusters a test runs on: what the user chose, crossed with what the test asks for.

Everything is in the order of the options, so that each xdist worker arrives at the same list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.model.cluster import VOLUME
from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from harness.backends.contract import Backend
    from harness.plugin.markers import Wanted

DEFAULT_BACKENDS = ("nats", "kafka", "redis")


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend and version; ``text`` is what the user wrote, and appears in ids as written."""

    text: str
    backend: Backend
    version: str


@dataclass(frozen=True, slots=True)
class Column:
    """One cluster for a test to run on; ``skip`` says why it cannot, empty if it can."""

    text: str
    backend: str
    version: str
    nodes: int
    tier: str
    is_default_tier: bool = True
    skip: str = ""
    storage: str = VOLUME

    @property
    def id(self) -> str:
        """Its part of a test's id: ``nats-1``, ``nats@2.10.22-3``, ``redis-3-wait``."""
        tier = "" if self.is_default_tier else f"-{self.tier}"
        return f"{self.text}-{self.nodes}{tier}"


NONE = Column("", "", "", 0, "")
"""Stands for a test that runs on none of the chosen clusters, until it is deselected."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user chose; empty ``nodes`` and ``tiers`` leave the choice to each test."""

    choices: tuple[Choice, ...]
    nodes: frozenset[int] = frozenset()
    tiers: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(
        cls, backends: Sequence[str], nodes: Iterable[int] = (), tiers: Iterable[str] = ()
    ) -> Selection:
        """Make a selection of option values.

        Raises ``UnknownName`` for a backend or tier, and ``BadOption`` for a version, that does
        not exist, and ``BadOption`` for a number of nodes that none of the backends can have.
        """
        selection = cls(_choices(backends), frozenset(nodes), frozenset(tiers))
        selection._refuse_impossible_nodes()
        selection._refuse_unknown_tiers()
        return selection

    def columns(self, wanted: Wanted) -> list[Column]:
        """Every cluster for a test that asks for ``wanted``; empty if the user chose none of them."""
        return [
            column
            for choice in self.choices
            if not wanted.backends or choice.backend.name in wanted.backends
            for nodes in wanted.nodes
            if not self.nodes or nodes in self.nodes
            for column in self._sized(choice, nodes, wanted)
        ]

    def _sized(self, choice: Choice, nodes: int, wanted: Wanted) -> Iterator[Column]:
        if nodes not in choice.backend.node_counts:
            size = f"a cluster of {nodes}" if nodes != 1 else "a single node"
            skip = f"{choice.backend.name} cannot be {size}"
            yield Column(choice.text, choice.backend.name, choice.version, nodes, "", skip=skip)
            return
        tiers = choice.backend.tiers(nodes)
        for tier in self._tiers(tiers, wanted.tiers):
            skip = (
                lacking(choice.backend, wanted)
                or uninstalled(choice.backend)
                or _no_disks(choice.backend, wanted)
            )
            default = tier == tiers[0]
            where = choice.text, choice.backend.name, choice.version
            yield Column(*where, nodes, tier, default, skip, wanted.storage)

    def _tiers(self, possible: Sequence[str], asked: Sequence[str]) -> list[str]:
        if not asked and not self.tiers:
            return [possible[0]]
        return [
            tier
            for tier in possible
            if (not asked or tier in asked) and (not self.tiers or tier in self.tiers)
        ]

    def _refuse_impossible_nodes(self) -> None:
        for nodes in sorted(self.nodes):
            if not any(nodes in choice.backend.node_counts for choice in self.choices):
                can = ", ".join(f"{c.text}: {_either(c.backend.node_counts)}" for c in self.choices)
                raise BadOption("--nodes", nodes, f"no chosen backend has so many ({can})")

    def _refuse_unknown_tiers(self) -> None:
        known = known_tiers([choice.backend for choice in self.choices])
        for tier in sorted(self.tiers - known):
            raise UnknownName("tier", tier, known)


def known_tiers(backends: Iterable[Backend]) -> frozenset[str]:
    """Every tier that one of ``backends`` has at one of its sizes."""
    return frozenset(tier for b in backends for nodes in b.node_counts for tier in b.tiers(nodes))


def lacking(backend: Backend, wanted: Wanted) -> str:
    """Say which of the required capabilities ``backend`` has not; empty if it has them all."""
    missing = [str(name) for name in wanted.capabilities if name not in backend.capabilities]
    if not missing:
        return ""
    noun = "capability" if len(missing) == 1 else "capabilities"
    return f"{backend.name} has no {noun} {', '.join(map(repr, missing))}"


def uninstalled(backend: Backend) -> str:
    """Say in one line which client library ``backend`` needs and how to install it; empty if it is there."""
    return "; ".join(backend.missing_extra().splitlines())


def _no_disks(backend: Backend, wanted: Wanted) -> str:
    """Say why nodes cannot have the disks that a test asks for; empty if they can, or none are asked for."""
    if wanted.storage == VOLUME:
        return ""
    from harness.engine.disk import obstacle  # noqa: PLC0415 - few tests ask for disks
    from harness.scenario.pool import RunsInContainers  # noqa: PLC0415

    if not isinstance(backend, RunsInContainers):
        return f"{backend.name} runs in no container, so that its nodes have no disks"
    return obstacle()


def _choices(texts: Sequence[str]) -> tuple[Choice, ...]:
    from harness.backends import load_backend  # noqa: PLC0415 - another project's run never gets here

    chosen: dict[tuple[str, str], Choice] = {}
    for text in texts:
        name, version = _name_and_version(text)
        chosen.setdefault((name, version), Choice(text, load_backend(name), version))
    return tuple(chosen.values())


def _name_and_version(text: str) -> tuple[str, str]:
    """As the catalogue has it; a backend of another package is in none, and knows its versions itself."""
    from harness.backends import BACKENDS, backend_names  # noqa: PLC0415 - see _choices
    from harness.engine.versions import parse_backend  # noqa: PLC0415

    name, _, version = text.partition("@")
    if name in set(backend_names()) - {ours for ours, _ in BACKENDS}:
        return name, version or "1"
    return parse_backend(text)


def _either(numbers: Iterable[int]) -> str:
    return " or ".join(map(str, sorted(numbers)))

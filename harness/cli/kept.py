"""The clusters that are kept on purpose: which there are, which one is meant, until when they stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from harness.model.errors import Ambiguous, HarnessError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.backends.contract import Backend
    from harness.engine.description import ClusterDescription
    from harness.engine.sweep import Thing
    from harness.model.cluster import Cluster, ClusterSpec

NONE_UP = "no cluster is up\nhint: harness up nats --nodes 3"


@dataclass(frozen=True, slots=True)
class Kept:
    """A cluster by the name its user gives it: its own, or its id where one owner keeps several."""

    name: str
    description: ClusterDescription

    @property
    def id(self) -> str:
        """The name of its files, and the label of its things."""
        return self.description.id

    @property
    def spec(self) -> ClusterSpec:
        """What it was asked to be."""
        return self.description.spec

    @property
    def backend(self) -> Backend:
        """The technology it runs."""
        from harness.backends import load_backend  # noqa: PLC0415 - pays for what it uses only

        return load_backend(self.spec.backend)

    def attach(self) -> Cluster:
        """Return its controls."""
        from harness.engine import cluster  # noqa: PLC0415 - pays for what it uses only

        return cluster.attach_cluster(self.id)


class Span(NamedTuple):
    """When a cluster was made and until when it stays, in unix seconds; ``None`` where nothing tells."""

    created: float | None = None
    expires: float | None = None


def owner_of(name: str) -> str:
    """Return the owner that the things of a kept cluster are labelled with."""
    from harness.engine.ownership import KEPT  # noqa: PLC0415 - pays for what it uses only

    return f"{KEPT}{name}"


def kept_clusters() -> list[Kept]:
    """Return every kept cluster that is described here, by name."""
    from harness.engine.description import all_described  # noqa: PLC0415 - pays for what it uses only

    prefix = owner_of("")
    found = [one for one in all_described() if one.owner.startswith(prefix)]
    owners = [one.owner for one in found]
    named = [
        Kept(one.owner.removeprefix(prefix) if owners.count(one.owner) == 1 else one.id, one) for one in found
    ]
    return sorted(named, key=lambda kept: kept.name)


def chosen(name: str | None) -> Kept:
    """Return the cluster of that name or id; without a name the only one there is.

    Raises ``UnknownName``, ``Ambiguous`` when no name is given and several are up, and
    ``HarnessError`` when none is.
    """
    known = kept_clusters()
    if not known:
        raise HarnessError(NONE_UP)
    if name is None:
        if len(known) > 1:
            raise Ambiguous("several clusters are up", [kept.name for kept in known])
        return known[0]
    for kept in known:
        if name in {kept.name, kept.id}:
            return kept
    raise UnknownName("cluster", name, [kept.name for kept in known])


def labelled() -> list[Thing]:
    """Return all that the engine has of kept clusters, whoever keeps them."""
    from harness.engine.removal import EngineRemover  # noqa: PLC0415 - pays for what it uses only

    prefix = owner_of("")
    return [thing for thing in EngineRemover().find() if thing.owner.startswith(prefix)]


def span(kept: Kept, things: Iterable[Thing]) -> Span:
    """Return when a cluster was made and until when it stays, by its labels."""
    own = [thing for thing in things if thing.cluster == kept.id]
    expiries = [thing.expires for thing in own if thing.expires is not None]
    return Span(min((thing.created for thing in own), default=None), max(expiries, default=None))


def undescribed(known: Iterable[Kept], things: Iterable[Thing]) -> list[str]:
    """Return the names under which something is kept that no description here tells of.

    It is being started, or its start was interrupted, or another user keeps it.
    """
    described = {kept.id for kept in known}
    prefix = owner_of("")
    return sorted({thing.owner.removeprefix(prefix) for thing in things if thing.cluster not in described})

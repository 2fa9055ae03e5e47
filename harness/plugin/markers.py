"""What a test asks for in its markers, checked at collection with "did you mean".

``cluster(nodes=, tiers=, backends=, storage=)``, ``requires(*capabilities)`` and ``deadline(seconds)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.model.capability import Capability
from harness.model.cluster import STORAGES, VOLUME
from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    import pytest

CLUSTER_ARGUMENTS = ("nodes", "tiers", "backends", "storage")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a test asks for; empty ``tiers`` means the default one, empty ``backends`` all."""

    nodes: tuple[int, ...] = (1,)
    tiers: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    storage: str = VOLUME


def wanted_by(node: pytest.Item) -> Wanted:
    """Read the nearest ``cluster`` marker and every ``requires`` marker of a test.

    Raises ``BadOption`` for an argument, and ``UnknownName`` for a name, that does not exist.
    """
    capabilities = tuple(dict.fromkeys(_capability(n) for m in node.iter_markers("requires") for n in m.args))
    mark = node.get_closest_marker("cluster")
    if mark is None:
        return Wanted(capabilities=capabilities)
    if mark.args:
        raise BadOption("cluster", mark.args[0], "name the argument, as in cluster(nodes=3)")
    for name in mark.kwargs:
        if name not in CLUSTER_ARGUMENTS:
            raise UnknownName("argument of the marker 'cluster'", name, CLUSTER_ARGUMENTS)
    return Wanted(
        nodes=_nodes(mark.kwargs.get("nodes")),
        tiers=_tiers(mark.kwargs.get("tiers")),
        backends=_backends(mark.kwargs.get("backends")),
        capabilities=capabilities,
        storage=_storage(mark.kwargs.get("storage", VOLUME)),
    )


def deadline_of(node: pytest.Item, default: float) -> float:
    """The seconds that the test's own code may take; raises ``BadOption`` unless a positive number."""
    mark = node.get_closest_marker("deadline")
    if mark is None:
        return default
    if len(mark.args) != 1 or mark.kwargs:
        raise BadOption("deadline", mark.args, "it takes the seconds and nothing else, as in deadline(60)")
    seconds = mark.args[0]
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds <= 0:
        raise BadOption("deadline", seconds, "a positive number of seconds is needed")
    return float(seconds)


def _capability(name: object) -> Capability:
    try:
        return Capability(str(name))
    except ValueError:
        raise UnknownName("capability", str(name), map(str, Capability)) from None


def _nodes(value: object) -> tuple[int, ...]:
    numbers = _listed(value) or (1,)
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise BadOption("cluster(nodes=)", number, "a number of nodes, or several in a tuple, is needed")
    return tuple(dict.fromkeys(int(str(number)) for number in numbers))


def _tiers(value: object) -> tuple[str, ...]:
    from harness.backends import backend_names, load_backend  # noqa: PLC0415 - only if a test has tiers
    from harness.plugin.selection import known_tiers  # noqa: PLC0415

    names = tuple(map(str, _listed(value)))
    if names:
        known = known_tiers(load_backend(name) for name in backend_names())
        for name in names:
            if name not in known:
                raise UnknownName("tier", name, known)
    return names


def _backends(value: object) -> tuple[str, ...]:
    from harness.backends import backend_names  # noqa: PLC0415 - only if a test names backends

    names = tuple(map(str, _listed(value)))
    for name in names:
        if name not in backend_names():
            raise UnknownName("backend", name, backend_names())
    return names


def _storage(value: object) -> str:
    if value not in STORAGES:
        raise UnknownName("storage", str(value), STORAGES)
    return str(value)


def _listed(value: object) -> tuple[object, ...]:
    """One value or several, as users write them."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)

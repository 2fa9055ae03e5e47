"""The backends by name; adding one is a line here, or an entry point of another package.

An entry point of the group ``broker_harness.backends`` has the backend's name and points to a
``Backend`` object. Its module, like those below, must not import its client library before a
client is made: naming a backend costs nothing, and works where the library is missing.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, cast

from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from harness.backends.contract import Backend

ENTRY_POINT_GROUP = "broker_harness.backends"

BACKENDS: tuple[tuple[str, str], ...] = (
    ("memory", "harness.backends.memory:BACKEND"),
    ("nats", "harness.backends.nats:BACKEND"),
    ("kafka", "harness.backends.kafka:BACKEND"),
    ("redis", "harness.backends.redis:BACKEND"),
)


def _registered() -> dict[str, str]:
    """Where each backend is; ours cannot be replaced by another package's of the same name."""
    found: tuple[EntryPoint, ...] = tuple(entry_points(group=ENTRY_POINT_GROUP))
    return {point.name: point.value for point in found} | dict(BACKENDS)


def backend_names() -> tuple[str, ...]:
    """Every name that ``load_backend`` takes: ours in their order, then those of other packages."""
    own = tuple(name for name, _ in BACKENDS)
    return own + tuple(sorted(set(_registered()) - set(own)))


def load_backend(name: str) -> Backend:
    """Import the backend called ``name`` and return it.

    Raises ``UnknownName`` when nothing is registered under that name, and ``BadOption`` when what
    is registered is not there. A missing client library is no error yet: the backend itself
    raises ``MissingExtra`` when it is asked for its first client.
    """
    registered = _registered()
    if name not in registered:
        raise UnknownName("backend", name, registered)
    module, _, attribute = registered[name].partition(":")
    try:
        return cast("Backend", getattr(importlib.import_module(module), attribute))
    except AttributeError as error:
        raise BadOption("backend", name, f"{module} has no {attribute!r}") from error

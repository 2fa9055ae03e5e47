"""What a fault is: frozen parameters, and four steps that each say what they saw.

``inject`` resolves its role targets and acts; ``verify`` observes by a protocol round trip that
the fault bites, independently of the act; ``reacted`` tells when the cluster has noticed, before
which healing would prove nothing; ``heal`` restores what was there, and may be called twice.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from harness.backends.contract import Observer
from harness.model.cluster import Cluster, Edge
from harness.model.destination import Destination


@dataclass(frozen=True, slots=True)
class Field:
    """What a fault may touch and look at: one cluster, and the destination roles refer to.

    ``rng`` is seeded by the case, for targets such as ``any``. ``holder`` is what the fault cuts edges
    as, so that another that needs them cut too keeps them; each fault has a field of its own.
    """

    cluster: Cluster
    observer: Observer
    destination: Destination
    rng: random.Random
    holder: str = field(default_factory=lambda: secrets.token_hex(4))

    async def act(self, control: Callable[..., None], *arguments: Any) -> None:
        """Run a blocking control of the cluster in a thread, so that traffic flows on."""
        from anyio import to_thread  # noqa: PLC0415 - keeps the module free of the event loop

        await to_thread.run_sync(lambda: control(*arguments))


@dataclass(frozen=True, slots=True)
class Hit:
    """What an injection hit: the nodes, the leader of each partition just before, edges of its own.

    ``before`` holds what was there, by node or file, where verifying or healing needs it.
    """

    nodes: tuple[str, ...]
    leaders: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class TakesTime(Protocol):
    """A fault whose injection may take longer than others', in seconds."""

    @property
    def inject_within(self) -> float: ...


@runtime_checkable
class Lasting(Protocol):
    """A fault that healing cannot undo without a trace: the cluster is replaced after the case.

    ``condition`` is what is written down as observed of each hit node once the fault is seen to
    bite, for claims that depend on it; empty if none does.
    """

    @property
    def condition(self) -> str: ...


class Fault(Protocol):
    """One way for things to go wrong; ``str`` of it is its name in ids, reports and histories."""

    async def inject(self, field: Field) -> Hit: ...
    async def verify(self, field: Field, hit: Hit) -> str:
        """The evidence that the fault bites, empty if there is none (yet): asked until a deadline."""
        ...

    async def reacted(self, field: Field, hit: Hit) -> str:
        """How the cluster has reacted, empty if it has not (yet): asked until a deadline."""
        ...

    async def heal(self, field: Field, hit: Hit) -> None: ...

"""Where messages go: a subject, topic or stream by one dotted name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness.model.errors import BadOption

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


@dataclass(frozen=True, slots=True)
class Destination:
    """A dotted name and what belongs to the destination rather than to the cluster.

    ``partitions`` counts ordered logs (always one on NATS and Redis); ``replicas`` counts copies,
    at most the cluster's nodes. ``deduplication_window`` is in seconds.
    """

    name: str
    partitions: int = 1
    replicas: int = 1
    deduplication_window: float = 120.0
    dead_letter: Destination | None = field(default=None)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadOption("destination", self.name, "use lower-case words joined by dots")
        for option, value in (("partitions", self.partitions), ("replicas", self.replicas)):
            if value < 1:
                raise BadOption(option, value, "at least 1 is needed")

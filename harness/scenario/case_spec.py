"""Which case it is: a scenario, on one kind of cluster, from one seed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.model.cluster import VOLUME, ClusterSpec


@dataclass(frozen=True, slots=True)
class CaseSpec:
    """One cell of the matrix.

    ``scenario`` is the same in a checkout and in the wheel: the test's module below ``suites``,
    its name and its parameters.
    """

    scenario: str
    backend: str
    version: str
    nodes: int
    tier: str
    seed: int
    storage: str = VOLUME

    @property
    def cluster_spec(self) -> ClusterSpec:
        """What the case needs of a cluster."""
        return ClusterSpec(self.backend, self.version, self.nodes, self.tier, self.storage)

    @property
    def directory_name(self) -> str:
        """The case's name as a file name, without the backend, which is the directory above it."""
        scenario = re.sub(r"[^A-Za-z0-9.@=+-]+", "-", self.scenario).strip("-")
        return f"{scenario[:180]}-{self.version}-n{self.nodes}-{self.tier}"

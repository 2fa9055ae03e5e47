"""Asking a cluster for what storage faults need, with an error that says how a case gets it."""

from __future__ import annotations

from harness.faults.contract import Field
from harness.model.cluster import IMAGE
from harness.model.damage import HasDisks
from harness.model.errors import BadOption


def disks(field: Field, fault: object) -> HasDisks:
    """The cluster as one whose nodes have disks; raises ``BadOption`` where they have none."""
    cluster = field.cluster
    if cluster.spec.storage != IMAGE or not isinstance(cluster, HasDisks):
        needed = "it needs nodes with disks of their own: mark the test cluster(storage='image')"
        raise BadOption("fault", str(fault), needed)
    return cluster

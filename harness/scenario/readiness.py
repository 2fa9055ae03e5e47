"""Waiting until a cluster is healthy, from code without an event loop."""

from __future__ import annotations

import anyio

from harness.backends.contract import Backend
from harness.model.cluster import Cluster
from harness.model.errors import ClusterNotReady, DeadlineExceeded
from harness.waits import wait_for_condition

LOG_LINES = 15


def wait_until_ready(backend: Backend, cluster: Cluster, within: float) -> None:
    """Return when every node answers and every replica is in sync.

    Raises ``ClusterNotReady`` after ``within`` seconds, with the last lines of each node's log.
    Has an event loop of its own, so call it from a thread where one runs.
    """
    try:
        anyio.run(_ready, backend, cluster, within)
    except DeadlineExceeded as missed:
        logs = {node: cluster.log(node, LOG_LINES) for node in cluster.nodes}
        raise ClusterNotReady(str(cluster.spec), within, missed.last_seen, logs) from None


async def _ready(backend: Backend, cluster: Cluster, within: float) -> None:
    observer = backend.observer(cluster)
    try:
        await wait_for_condition(
            observer.not_ready,
            condition=f"{cluster.spec} ready",
            within=within,
            until=lambda lacking: not lacking,
            every=0.05,
        )
    finally:
        await observer.close()

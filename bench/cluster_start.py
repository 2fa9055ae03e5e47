"""How long until a cluster has acknowledged its first message: a new one, and one that is reused.

For each backend clusters are booted one after the other, each timed from nothing to the first
message that is stored by all its replicas and acknowledged; the last one is then handed back and
leased again and again, each time with a new client and a new destination. The cold start is the
baseline of the reused one. Budgets, three nodes: NATS and Kafka 6 s, Redis 2 s; reused 100 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from harness import Backend, Cluster, ClusterSpec, Destination, Link, Message, load_backend
from harness.engine.versions import parse_backend
from harness.scenario.pool import Lease
from harness.scenario.run import Run


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each backend and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", metavar="NAME[@VERSION]", help="default: all three")
    parser.add_argument("--nodes", action="append", type=int, help="default: 1 and 3")
    parser.add_argument("--cold", type=int, default=3, help="clusters booted of each kind")
    parser.add_argument("--reused", type=int, default=10, help="leases of the last one")
    options = parser.parse_args(arguments)
    for text in options.backend or ("nats", "kafka", "redis"):
        name, version = parse_backend(text)
        for nodes in options.nodes or (1, 3):
            backend = load_backend(name)
            spec = ClusterSpec(name, version, nodes, backend.tiers(nodes)[0])
            print(line(spec, *measured(backend, spec, options.cold, options.reused)), flush=True)


def measured(backend: Backend, spec: ClusterSpec, cold: int, reused: int) -> tuple[list[float], list[float]]:
    """Seconds of every cold start and of every reuse."""
    with tempfile.TemporaryDirectory() as directory:
        run = Run.begin(Path(directory), seed=0, containers=hasattr(backend, "blueprint"))
        try:
            seconds = []
            for number in range(cold + reused):
                lease, took = timed(run, backend, spec)
                seconds.append(took)
                run.pool.release(backend, lease, reusable=number >= cold - 1)
            return seconds[:cold], seconds[cold:]
        finally:
            run.end()


def timed(run: Run, backend: Backend, spec: ClusterSpec) -> tuple[Lease, float]:
    """Lease a cluster and publish to it; returns the lease and the seconds until the acknowledgement."""
    begun = time.perf_counter()
    lease = run.pool.lease(backend, spec)
    return lease, anyio.run(acknowledged, backend, lease.cluster) - begun


async def acknowledged(backend: Backend, cluster: Cluster) -> float:
    """Have one message acknowledged by all replicas of a new destination; returns when that was."""
    client = backend.client(cluster, Link.PUBLISHER, "bench")
    await client.connect()
    destination = Destination(f"bench-{time.monotonic_ns()}", replicas=min(3, len(cluster.nodes)))
    await client.create_destination(destination)
    await client.publish(destination, Message(id="first"), timeout=5.0)
    seen = time.perf_counter()
    await client.disconnect()
    return seen


def line(spec: ClusterSpec, cold: list[float], reused: list[float]) -> str:
    """Medians and their ratio."""
    new, old = statistics.median(cold), statistics.median(reused)
    return (
        f"{spec!s:24} cold {new:6.2f} s ({min(cold):.2f} to {max(cold):.2f}), "
        f"reused {1000 * old:5.0f} ms: {new / old:.0f} times as fast"
    )


if __name__ == "__main__":
    main()

"""How long a fault takes to inject, to be seen to bite, and to heal.

Each fault hits a follower of a cluster of three NATS nodes again and again, and the cluster is whole
before the next time. The baseline, in the same run, is what the ``docker`` command takes for the like:
``docker pause``, ``docker kill``, and for both kinds of network fault ``docker network disconnect``.
Budgets of the injection, median: pause 15 ms, link 5 ms, mesh 10 ms.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import anyio

from harness import (
    Backend,
    Cluster,
    ClusterSpec,
    Destination,
    Fault,
    Field,
    Isolate,
    Kill,
    Link,
    Pause,
    Sever,
    load_backend,
    wait_for_condition,
)
from harness.engine.cluster import ContainerCluster
from harness.engine.versions import parse_backend
from harness.scenario.run import Run

WITHIN = 60.0
FAULTS: tuple[tuple[Fault, str], ...] = (
    (Pause("follower"), "docker pause"),
    (Kill("follower"), "docker kill"),
    (Sever("publisher"), "docker network disconnect"),
    (Isolate("follower"), "docker network disconnect"),
)
UNDO = {"docker pause": "docker unpause", "docker kill": "docker start"}
NETWORK = "docker network disconnect"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", default="nats", metavar="NAME[@VERSION]")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args(arguments)
    name, version = parse_backend(options.backend)
    backend = load_backend(name)
    spec = ClusterSpec(name, version, 3, backend.tiers(3)[0])
    with tempfile.TemporaryDirectory() as directory:
        run = Run.begin(Path(directory), seed=0, containers=hasattr(backend, "blueprint"))
        try:
            lease = run.pool.lease(backend, spec)
            baseline = commands(lease.cluster, options.rounds)
            anyio.run(measure, backend, lease.cluster, options.rounds, baseline)
        finally:
            run.end()


async def measure(backend: Backend, cluster: Cluster, rounds: int, baseline: dict[str, float]) -> None:
    """Measure every fault on one destination of the cluster."""
    client = backend.client(cluster, Link.ADMIN, "bench")
    await client.connect()
    destination = Destination("bench.faults", replicas=3)
    await client.create_destination(destination)
    observer = backend.observer(cluster)
    field = Field(cluster, observer, destination, random.Random(0))
    for fault, command in FAULTS:
        steps = [await once(fault, field) for _ in range(rounds)]
        print(line(fault, steps, command, baseline.get(command)), flush=True)
    await observer.close()
    await client.disconnect()


async def once(fault: Fault, field: Field) -> tuple[float, float, float]:
    """Seconds to inject, from then until it was seen to bite, and to heal."""
    begun = time.perf_counter()
    hit = await fault.inject(field)
    injected = time.perf_counter()
    await wait_for_condition(
        lambda: fault.verify(field, hit), condition=f"{fault} bites", within=WITHIN, every=0.005
    )
    bitten = time.perf_counter()
    # Healing what nobody has noticed yet would be another figure.
    await wait_for_condition(lambda: fault.reacted(field, hit), condition=f"{fault} noticed", within=WITHIN)
    healing = time.perf_counter()
    await fault.heal(field, hit)
    healed = time.perf_counter()
    await whole(field)
    return injected - begun, bitten - injected, healed - healing


async def whole(field: Field) -> None:
    """Return when the cluster is healthy and every replica in sync."""
    await wait_for_condition(
        field.observer.not_ready,
        condition="cluster whole again",
        within=WITHIN,
        until=lambda lacking: not lacking,
    )
    await wait_for_condition(
        lambda: field.observer.replicas_in_sync(field.destination),
        condition="replicas in sync",
        within=WITHIN,
    )


def commands(cluster: Cluster, rounds: int) -> dict[str, float]:
    """Median seconds of each command of docker's own, on a container beside the nodes; empty without it."""
    if not isinstance(cluster, ContainerCluster) or shutil.which("docker") is None:
        return {}
    description = cluster.description
    node = next(iter(description.nodes.values()))
    image = output("docker", "inspect", "--format", "{{.Config.Image}}", node.helper)
    labels = ("--label", f"broker-harness.owner={description.owner}")
    cluster_label = ("--label", f"broker-harness.cluster={description.id}")
    beside = output(
        *("docker", "run", "--detach", *labels, *cluster_label, "--network", description.network),
        *("--entrypoint", "sleep", image, "3600"),
    )
    try:
        return {
            command: statistics.median(timed(command, beside, description.network) for _ in range(rounds))
            for command in sorted({command for _, command in FAULTS})
        }
    finally:
        output("docker", "rm", "--force", beside)


def timed(command: str, container: str, network: str) -> float:
    """Seconds of one command; what it has done is undone."""
    begun = time.perf_counter()
    if command == NETWORK:
        output(*command.split(), network, container)
    else:
        output(*command.split(), container)
    seconds = time.perf_counter() - begun
    if command == NETWORK:
        output("docker", "network", "connect", network, container)
    else:
        output(*UNDO[command].split(), container)
    return seconds


def output(*command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def line(fault: Fault, steps: list[tuple[float, float, float]], command: str, seconds: float | None) -> str:
    """Medians in milliseconds, and the ratio of the injection to the command."""
    inject, verify, heal = (1000 * statistics.median(step) for step in zip(*steps, strict=True))
    figures = f"{fault!s:18} inject {inject:6.1f} ms, seen after {verify:7.1f} ms, heal {heal:6.1f} ms"
    if seconds is None:
        return f"{figures}; no docker command to compare with"
    return f"{figures}; {command} {1000 * seconds:.1f} ms: {1000 * seconds / inject:.1f} times as fast"


if __name__ == "__main__":
    main()

"""What recording costs: publishing and consuming through the recorded client against the bare one.

Both do the same on clusters of one node: so many messages are published, at most 64 under way, then
received by the hundred and each acknowledged. They take turns, so that a busy machine slows both; the
baseline is the same client without the recorder. Budget: at least 90 % of the bare client's rate.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio

from harness import (
    Backend,
    Cluster,
    ClusterSpec,
    ConsumerConfig,
    Destination,
    Link,
    Message,
    RecordedClient,
    load_backend,
)
from harness.engine.versions import parse_backend
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Header
from harness.history.store import part
from harness.scenario.run import Run
from harness.workloads.tally import Tally

IN_FLIGHT = 64
LIMIT = 100
WITHIN = 120.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line for each backend."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", action="append", metavar="NAME[@VERSION]", help="default: all three")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--messages", type=int, default=3000, help="in each round of each variant")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    for text in options.backend or ("nats", "kafka", "redis"):
        name, version = parse_backend(text)
        backend = load_backend(name)
        spec = ClusterSpec(name, version, options.nodes, backend.tiers(options.nodes)[0])
        rates = measured(backend, spec, options.messages, options.rounds)
        print(line(spec, *rates), flush=True)


def measured(
    backend: Backend, spec: ClusterSpec, messages: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Compare on a cluster that is there for this alone."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        run = Run.begin(directory, seed=0, containers=hasattr(backend, "blueprint"))
        try:
            cluster = run.pool.lease(backend, spec).cluster
            return anyio.run(compare, backend, cluster, directory, messages, rounds)
        finally:
            run.end()


async def compare(
    backend: Backend, cluster: Cluster, directory: Path, messages: int, rounds: int
) -> tuple[list[float], list[float]]:
    """Messages a second of each round, bare and recorded."""
    header = Header(FORMAT_VERSION, "bench", backend.name, "", 1, "", 0, 0, 0, 0)
    bare: list[float] = []
    recorded: list[float] = []
    with Recorder(part(directory, 0), header) as recorder:
        # A first round of each is not counted: it finds everything cold.
        for number in range(rounds + 1):
            for rates, records in ((bare, False), (recorded, True)):
                destination = Destination(f"bench-{number}-{records:d}")
                async with connected(backend, cluster, recorder if records else None) as clients:
                    rate = await rated(*clients, destination, messages)
                if number:
                    rates.append(rate)
    return bare, recorded


@asynccontextmanager
async def connected(
    backend: Backend, cluster: Cluster, recorder: Recorder | None
) -> AsyncIterator[tuple[Any, Any]]:
    """A publisher and a consumer, recorded if there is a recorder."""
    clients: list[Any] = []
    for link in (Link.PUBLISHER, Link.CONSUMER):
        bare = backend.client(cluster, link, f"bench-{link}")
        recorded = recorder and RecordedClient(bare, f"bench-{link}", backend, recorder, Tally())
        clients.append(recorded or bare)
        await clients[-1].connect()
    try:
        yield clients[0], clients[1]
    finally:
        for client in clients:
            await client.disconnect()


async def rated(publisher: Any, consumer: Any, destination: Destination, messages: int) -> float:
    """Publish, receive and acknowledge; returns messages a second."""
    await publisher.create_destination(destination)
    subscription = await consumer.subscribe(destination, ConsumerConfig(group="bench"))
    todo = iter([Message(id=f"m-{i}", payload=b"x" * 64, key=b"k%d" % (i % 8)) for i in range(messages)])

    async def publish() -> None:
        for message in todo:
            await publisher.publish(destination, message, 10.0)

    begun = time.perf_counter()
    async with asyncio.timeout(WITHIN):
        await asyncio.gather(*(publish() for _ in range(IN_FLIGHT)))
        received = 0
        while received < messages:
            deliveries = await subscription.receive(LIMIT, 1.0)
            await asyncio.gather(*map(subscription.ack, deliveries))
            received += len(deliveries)
    seconds = time.perf_counter() - begun
    await subscription.close()
    return messages / seconds


def line(spec: ClusterSpec, bare: list[float], recorded: list[float]) -> str:
    """Medians, and the median ratio of the rounds."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(recorded, bare, strict=True))
    slow, fast = statistics.median(recorded), statistics.median(bare)
    figures = f"{spec!s:24} bare {fast:7,.0f}/s, recorded {slow:7,.0f}/s"
    return f"{figures}: {100 * ratio:.0f} % of the bare client's rate"


if __name__ == "__main__":
    main()

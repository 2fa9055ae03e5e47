"""A machine to play on without a container: simulated clusters, kept as real ones are."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest

from harness import backends
from harness.backends.memory import MemoryBackend
from harness.backends.memory.cluster import MemoryCluster
from harness.cli import main
from harness.engine import cluster as engine_cluster
from harness.engine import images, install, removal
from harness.engine.description import FORMAT_VERSION, ClusterDescription, NodeDescription, Port, save
from harness.engine.steps import Say
from harness.engine.sweep import Kind, Thing
from harness.engine.versions import Image
from harness.model.cluster import ClusterSpec
from harness.model.link import Link

NOW = 1_795_780_000.0


@dataclass(frozen=True, slots=True)
class Boxed(MemoryBackend):
    """The memory backend as if its nodes ran in containers."""

    election: float = 0.02
    blueprint: str = "blueprint"


@dataclass(slots=True)
class Machine:
    """What an engine would have: clusters by id, and the labelled things of each."""

    clusters: dict[str, MemoryCluster] = field(default_factory=dict)
    things: list[Thing] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)
    ready: bool = True

    def keep(self, name: str, cluster_id: str, nodes: int = 3, hours: float = 24.0) -> MemoryCluster:
        """Have a cluster that was started five minutes ago."""
        spec = ClusterSpec("nats", "2.15.2", nodes, "r3" if nodes > 1 else "r1")
        return self.start("blueprint", spec, f"kept-{name}", cluster_id, hours * 3600)

    def start(
        self, blueprint: str, spec: ClusterSpec, owner: str, cluster_id: str, kept_seconds: float
    ) -> MemoryCluster:
        """Do what ``start_cluster`` does."""
        self.asked |= {"blueprint": blueprint, "owner": owner, "kept": kept_seconds}
        cluster = Boxed().start(spec, owner, cluster_id)
        self.clusters[cluster_id] = cluster
        if not self.ready:
            cluster.pause("n1")
        made, expires = NOW - 300, NOW - 300 + kept_seconds
        self.things += [
            Thing(Kind.CONTAINER, f"{cluster_id}-{node}", node, owner, cluster_id, made, expires)
            for node in cluster.nodes
        ]
        save(_description(spec, owner, cluster_id, cluster.nodes))
        return cluster

    def find(self, owner: str | None = None, cluster: str | None = None) -> list[Thing]:
        """Find labelled things."""
        return [
            thing
            for thing in self.things
            if owner in {None, thing.owner} and cluster in {None, thing.cluster}
        ]

    def remove(self, thing: Thing) -> None:
        """Remove one."""
        self.things.remove(thing)

    def unpause(self, thing: Thing) -> None:
        """Let one run."""


def _description(
    spec: ClusterSpec, owner: str, cluster_id: str, nodes: tuple[str, ...]
) -> ClusterDescription:
    ports = [
        Port(node, link, "client", "127.0.0.1", 32000 + 10 * number + offset)
        for number, node in enumerate(nodes, 1)
        for offset, link in enumerate(Link)
    ]
    return ClusterDescription(
        format_version=FORMAT_VERSION,
        id=cluster_id,
        owner=owner,
        spec=spec,
        network=f"bh-{cluster_id}",
        proxy="proxy",
        api=("127.0.0.1", 1),
        image="image",
        image_digest="digest",
        megabytes=1,
        nodes={node: NodeDescription(f"{cluster_id}-{node}", "mesh", "volume", "10.0.0.1") for node in nodes},
        outside=tuple(ports),
    )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Return a machine whose engine has nothing yet; time stands still on it."""
    it = Machine()

    def ensure_engine(say: Say) -> None:
        it.asked["engine"] = True

    def ensure_all(wanted: list[Image], say: Say) -> list[Any]:
        it.asked["images"] = [str(image) for image in wanted]
        return []

    monkeypatch.setattr(
        backends, "load_backend", lambda name: MemoryBackend() if name == "memory" else Boxed()
    )
    monkeypatch.setattr(engine_cluster, "attach_cluster", lambda cluster_id: it.clusters[cluster_id])
    monkeypatch.setattr(engine_cluster, "start_cluster", it.start)
    monkeypatch.setattr(removal, "EngineRemover", lambda: it)
    monkeypatch.setattr(install, "ensure_engine", ensure_engine)
    monkeypatch.setattr(images, "ensure_all", ensure_all)
    clock = SimpleNamespace(time=lambda: NOW, monotonic=time.monotonic, sleep=time.sleep)
    for name in ("status", "up", "strike"):
        monkeypatch.setattr(import_module(f"harness.cli.{name}"), "time", clock)
    yield it
    for cluster in it.clusters.values():
        cluster.remove()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command wrote, and its exit code."""

    code: int | str | None
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line of this process as a terminal of 80 columns would: ``run("up", "nats")``."""
    monkeypatch.setenv("COLUMNS", "80")

    def ran(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return Ran(caught.value.code or 0, captured.out, captured.err)

    return ran

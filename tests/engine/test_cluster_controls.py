"""What can be done to a running cluster: each control once, twice, and all of it undone."""

from __future__ import annotations

from typing import Any

import pytest

from harness.engine import cluster as engine
from harness.engine import mesh, syscalls
from harness.engine.cluster import ContainerCluster
from harness.engine.description import FORMAT_VERSION, ClusterDescription, NodeDescription, Port
from harness.model.cluster import ClusterSpec, Edge, NodeState
from harness.model.errors import UnknownName
from harness.model.link import Link

NODES = ("n1", "n2", "n3")


class Container:
    """A node's container, which goes from one status to another as a real one does."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = "running"
        self.asked: list[str] = []
        self.broken = False
        limits = {"Memory": 0, "CpuQuota": 0, "CpuPeriod": 0}
        self.attrs: dict[str, Any] = {"HostConfig": limits, "State": {"ExitCode": 0}}

    def reload(self) -> None:
        """Its limits are always up to date."""

    def _go(self, how: str, status: str, *, allowed: tuple[str, ...]) -> None:
        self.asked.append(how)
        # The engine answers 409 to what cannot be done to a container of this status.
        assert self.status in allowed, f"{how} while {self.status}"
        if self.broken:
            raise OSError(f"{self.name} cannot be reached")
        self.status = status

    def pause(self) -> None:
        self._go("pause", "paused", allowed=("running",))

    def unpause(self) -> None:
        self._go("unpause", "running", allowed=("paused",))

    def kill(self) -> None:
        self._go("kill", "exited", allowed=("running", "paused"))

    def stop(self, timeout: int) -> None:
        self._go(f"stop {timeout}", "exited", allowed=("running",))

    def start(self) -> None:
        self._go("start", "running", allowed=("exited", "created"))

    def logs(self, tail: Any, since: Any) -> bytes:
        self.asked.append(f"logs {tail} {since}")
        return b"caf\xe9\n"


class World:
    """A cluster of three on an engine that is none."""

    def __init__(self) -> None:
        self.containers_by_id = {f"c-{node}": Container(node) for node in NODES}
        self.cluster = ContainerCluster(_described())
        self.said: list[tuple[str, str]] = []
        self.enabled: list[str] = []
        self.removed: list[str] = []

    @property
    def containers(self) -> World:
        """The engine's containers."""
        return self

    def get(self, identity: str) -> Container:
        return self.containers_by_id[identity]

    def node(self, name: str) -> Container:
        """A node's container."""
        return self.containers_by_id[f"c-{name}"]

    def statuses(self) -> list[str]:
        """Of all nodes, in order."""
        return [self.node(name).status for name in NODES]

    def run(self, helper: str, command: str) -> None:
        self.said.append((helper, command))

    def set_enabled(self, names: list[str], *, enabled: bool) -> None:
        self.enabled += [f"{'restore' if enabled else 'sever'} {name}" for name in names]

    def reset(self) -> None:
        self.enabled.append("reset")


def _described() -> ClusterDescription:
    return ClusterDescription(
        format_version=FORMAT_VERSION,
        id="c4f1",
        owner="run-1",
        spec=ClusterSpec("told", "1", 3, "r3"),
        network="bh-c4f1",
        proxy="p",
        api=("127.0.0.1", 1),
        image="told:1",
        image_digest="sha256:1b",
        megabytes=100,
        nodes={node: NodeDescription(f"c-{node}", f"h-{node}", "", f"172.18.0.{node[1]}") for node in NODES},
        outside=tuple(
            Port(node, link, name, "127.0.0.1", 30000)
            for node in NODES
            for link, name in (("publisher", "client"), ("consumer", "client"), ("consumer", "sentinel"))
        ),
    )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything runs."""
    made = World()
    monkeypatch.setattr(engine, "connect", lambda: made)
    monkeypatch.setattr(engine, "remove_cluster", made.removed.append)
    monkeypatch.setattr(made.cluster, "_proxy", made)
    monkeypatch.setattr(mesh, "run", made.run)
    monkeypatch.setattr(syscalls, "let_be", lambda _description, _node: None)
    return made


@pytest.mark.parametrize(
    ("before", "control", "after"),
    [
        ("running", "pause", "paused"),
        ("paused", "unpause", "running"),
        ("running", "kill", "exited"),
        ("paused", "kill", "exited"),
        ("running", "stop", "exited"),
        ("exited", "start", "running"),
        ("created", "start", "running"),
    ],
)
def test_a_control_does_this_once(world: World, before: str, control: str, after: str) -> None:
    """A second time it asks nothing of the engine, and no other node is touched."""
    world.node("n2").status = before
    getattr(world.cluster, control)("n2")
    getattr(world.cluster, control)("n2")
    assert world.statuses() == ["running", after, "running"]
    assert len(world.node("n2").asked) == 1


@pytest.mark.parametrize(
    ("status", "control"),
    [
        ("exited", "pause"),
        ("exited", "unpause"),
        ("running", "unpause"),
        ("paused", "start"),
        ("exited", "stop"),
    ],
)
def test_what_cannot_be_done_is_not_asked_for(world: World, status: str, control: str) -> None:
    """The engine would answer with an error to what is no error here."""
    world.node("n2").status = status
    getattr(world.cluster, control)("n2")
    assert world.node("n2").asked == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("running", NodeState(running=True, paused=False)),
        ("paused", NodeState(running=True, paused=True)),
        ("exited", NodeState(running=False, paused=False)),
    ],
)
def test_a_nodes_state_is_the_engines_word(world: World, status: str, state: NodeState) -> None:
    """A paused node runs."""
    world.node("n1").status = status
    assert world.cluster.state("n1") == state


def test_links_are_severed_by_all_their_ports(world: World) -> None:
    """Of the nodes that are named, and of no other link."""
    world.cluster.sever(Link.CONSUMER, ["n1", "n3"])
    assert world.enabled == [
        "sever n1.consumer.client",
        "sever n1.consumer.sentinel",
        "sever n3.consumer.client",
        "sever n3.consumer.sentinel",
    ]
    world.enabled.clear()
    world.cluster.restore(Link.PUBLISHER, ["n2"])
    assert world.enabled == ["restore n2.publisher.client"]


def test_edges_are_cut_where_they_arrive(world: World) -> None:
    """Each receiver is told once of all the addresses that it must not hear, and ports if there are some."""
    world.cluster.cut([Edge("n1", "n2"), Edge("n3", "n2", 9093), Edge("n2", "n1")])
    both = [("172.18.0.1", None), ("172.18.0.3", 9093)]
    assert sorted(world.said) == [
        ("h-n1", mesh.cut_commands([("172.18.0.2", None)], add=True)),
        ("h-n2", mesh.cut_commands(both, add=True)),
    ]
    world.said.clear()
    world.cluster.mend([Edge("n1", "n2")])
    assert world.said == [("h-n2", mesh.cut_commands([("172.18.0.1", None)], add=False))]


def test_healing_undoes_everything_whoever_did_it(world: World) -> None:
    """Every link, every edge, every node: paused, killed or well."""
    world.node("n1").status = "paused"
    world.node("n2").status = "exited"
    world.cluster.heal()
    assert world.statuses() == ["running"] * 3
    assert world.enabled == ["reset"]
    assert sorted(world.said) == [(f"h-{node}", mesh.FLUSH) for node in NODES]


def test_one_node_that_cannot_be_healed_does_not_keep_the_others(world: World) -> None:
    """They are healed before the error gets out."""
    world.node("n1").status = "paused"
    world.node("n1").broken = True
    world.node("n3").status = "exited"
    with pytest.raises(OSError, match="n1 cannot be reached"):
        world.cluster.heal()
    assert world.statuses() == ["paused", "running", "running"]
    assert {helper for helper, _ in world.said} == {"h-n2", "h-n3"}


@pytest.mark.parametrize(
    ("control", "arguments"),
    [
        ("pause", ("n7",)),
        ("state", ("n7",)),
        ("log", ("n7",)),
        ("endpoint", ("n7", Link.ADMIN)),
        ("sever", (Link.CONSUMER, ["n7"])),
        ("cut", ([Edge("n7", "n1")],)),
        ("mend", ([Edge("n1", "n7")],)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_node_that_is_not_there_is_refused(world: World, control: str, arguments: tuple[Any, ...]) -> None:
    """With the names of those that are."""
    with pytest.raises(UnknownName, match=r"unknown node 'n7'.*n1, n2, n3"):
        getattr(world.cluster, control)(*arguments)


def test_a_nodes_log_is_text_whatever_it_wrote(world: World) -> None:
    """All of it or its last lines, since the beginning or a time."""
    assert world.cluster.log("n1") == "caf�\n"
    world.cluster.log("n1", lines=15, since=7.0)
    assert world.node("n1").asked == ["logs all None", "logs 15 7.0"]


def test_removing_takes_the_whole_cluster(world: World) -> None:
    """By its id."""
    world.cluster.remove()
    assert world.removed == ["c4f1"]

"""The making of a cluster of containers: in which order, with which labels, and nothing left if it fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from harness.engine import cluster as engine
from harness.engine import mesh
from harness.engine.blueprint import Addresses, NodePlan, ProxiedPort
from harness.engine.cluster import ContainerCluster, attach_cluster, start_cluster
from harness.engine.containers import ContainerPlan
from harness.engine.description import load
from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.errors import DeadlineExceeded
from harness.model.link import Link
from tests.scenario.virtual_time import virtual_time

SPEC = ClusterSpec("told", "1", 3, "r3")
LABELS = {"broker-harness.owner": "run-1", "broker-harness.cluster": "c4f1"}


class ToldBlueprint:
    """Two ports a node, one of them for two links; remembers what its nodes were told."""

    backend = "told"
    megabytes = 100

    def __init__(self) -> None:
        self.told: dict[str, Addresses] = {}

    def ports(self) -> tuple[ProxiedPort, ...]:
        return (
            ProxiedPort(Link.PUBLISHER, 4222),
            ProxiedPort(Link.ADMIN, 4222),
            ProxiedPort(Link.ADMIN, 1, "x"),
        )

    def node(self, spec: ClusterSpec, node: str, addresses: Addresses) -> NodePlan:
        self.told[node] = addresses
        files = {"told.conf": node} if node != "n3" else {}
        return NodePlan("told:1", ("/told", "--name", node), {"NAME": node}, files, "SIGUSR2")


class Container:
    """A container of the engine that is none."""

    def __init__(self, plan: ContainerPlan, number: int) -> None:
        self.id = f"id-{number}-{plan.name}"
        self.plan = plan
        networks = {plan.network: {"IPAddress": f"172.18.0.{number}"}}
        ports = {
            f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port + 10000)}] for port in plan.ports
        }
        self.attrs = {"NetworkSettings": {"Networks": networks, "Ports": {**ports, "9/tcp": None}}}
        self.image = type("Image", (), {"id": "sha256:1b", "tags": ["told:1"]})()

    def reload(self) -> None:
        """Know no more than before."""


class Engine:
    """Makes what it is asked for, or fails at one of the steps; tells all that happened in order."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.plans: dict[str, ContainerPlan] = {}
        self.labels: dict[str, Mapping[str, str]] = {}
        self.fails_at = ""
        self.answers_after = 0
        self.containers = self
        self.networks = _Maker(self, "network")
        self.volumes = _Maker(self, "volume")
        self._made: dict[str, Container] = {}
        self._numbers = count(1)

    def do(self, what: str) -> None:
        """Have it happen, unless it is what fails."""
        self.done.append(what)
        if what == self.fails_at:
            raise OSError(f"no {what}")

    def get(self, identity: str) -> Container:
        return self._made[identity]

    def start_container(self, plan: ContainerPlan) -> Container:
        name = plan.name.removeprefix("bh-c4f1-")
        self.do(f"start {name}")
        self.plans[name] = plan
        made = Container(plan, next(self._numbers))
        self._made[made.id] = made
        return made

    def put_files(self, helper: Container, files: Mapping[str, str]) -> None:
        self.do(f"files {helper.plan.alias}: {' '.join(files)}")

    def remove_cluster(self, cluster_id: str) -> None:
        self.do(f"remove {cluster_id}")

    def answers(self) -> bool:
        self.answers_after -= 1
        return self.answers_after < 0

    def populate(self, nodes: tuple[str, ...], ports: tuple[ProxiedPort, ...]) -> None:
        self.do(f"populate {len(nodes)}x{len(ports)}")


class _Maker:
    def __init__(self, engine: Engine, kind: str) -> None:
        self._engine = engine
        self._kind = kind

    def create(self, name: str, labels: Mapping[str, str], driver: str = "") -> None:
        self._engine.do(f"{self._kind} {name}")
        self._engine.labels[name] = labels


@pytest.fixture
def docker(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Have an engine in the place of the real one."""
    made = Engine()
    monkeypatch.setattr(engine, "connect", lambda: made)
    monkeypatch.setattr(engine, "start_container", made.start_container)
    monkeypatch.setattr(engine, "remove_cluster", made.remove_cluster)
    monkeypatch.setattr(engine, "LinkProxy", lambda _: made)
    monkeypatch.setattr(mesh, "put_files", made.put_files)
    return made


@pytest.fixture
def blueprint() -> ToldBlueprint:
    """Nodes of a broker that is none."""
    return ToldBlueprint()


def start(blueprint: Any, owner: str = "run-1") -> ContainerCluster:
    """Start the cluster."""
    return start_cluster(blueprint, SPEC, owner, "c4f1")


@pytest.fixture
def started(docker: Engine, blueprint: ToldBlueprint) -> ContainerCluster:
    """A cluster of three."""
    del docker
    return start(blueprint)


@pytest.mark.usefixtures("started")
def test_each_step_comes_after_what_it_needs(docker: Engine) -> None:
    """Network, then proxy and helpers, then the links; a node's files before the node."""
    done = docker.done
    assert done[0] == "network bh-c4f1"
    assert done.index("start proxy") < done.index("populate 3x3")
    for node in ("n1", "n2", "n3"):
        helper = [f"volume bh-c4f1-{node}", f"start {node}-mesh", "populate 3x3", f"start {node}"]
        assert [done.index(step) for step in helper] == sorted(done.index(step) for step in helper)
    for node in ("n1", "n2"):
        assert done.index(f"files {node}: told.conf") < done.index(f"start {node}")
    assert len(done) == 1 + 1 + 1 + 3 * 3 + 2


@pytest.mark.usefixtures("started")
def test_everything_is_labelled_with_owner_and_cluster(docker: Engine) -> None:
    """So that a sweep finds all of it; what each container is can be told, too."""
    assert all(labels == LABELS for labels in docker.labels.values())
    roles = {name: plan.labels["broker-harness.role"] for name, plan in docker.plans.items()}
    assert roles == {
        "proxy": "proxy",
        **{f"n{number}": "node" for number in (1, 2, 3)},
        **{f"n{number}-mesh": "mesh" for number in (1, 2, 3)},
    }
    assert all(LABELS.items() <= dict(plan.labels).items() for plan in docker.plans.values())
    assert not any("broker-harness.expires" in plan.labels for plan in docker.plans.values())


def test_a_kept_cluster_says_until_when(docker: Engine, blueprint: ToldBlueprint) -> None:
    """In unix seconds, on everything, so that no sweep takes it before."""
    start_cluster(blueprint, SPEC, "kept-run-1", "c4f1", 60.0)
    expiries = {float(labels["broker-harness.expires"]) for labels in docker.labels.values()}
    expiries |= {float(plan.labels["broker-harness.expires"]) for plan in docker.plans.values()}
    [expiry] = expiries
    assert 0.0 < expiry - time.time() <= 60.0


@pytest.mark.usefixtures("started")
def test_the_node_joins_its_helpers_network(docker: Engine) -> None:
    """The helper owns the namespace and may change its rules; the node publishes nothing and may not."""
    helper, node = docker.plans["n2-mesh"], docker.plans["n2"]
    assert node.network.startswith("container:id-")
    assert node.network.endswith("-bh-c4f1-n2-mesh")
    assert (helper.network, helper.alias, helper.options["cap_add"]) == ("bh-c4f1", "n2", ["NET_ADMIN"])
    assert "cap_add" not in node.options
    assert [list(plan.ports) for name, plan in docker.plans.items() if name != "proxy"] == [[]] * 6
    assert node.volumes == helper.volumes == {"bh-c4f1-n2": "/data"}
    assert (node.image, list(node.command)) == ("told:1", ["/told", "--name", "n2"])
    assert (node.environment, node.options["stop_signal"]) == ({"NAME": "n2"}, "SIGUSR2")


def test_clients_reach_nodes_through_the_proxy(
    docker: Engine, blueprint: ToldBlueprint, started: ContainerCluster
) -> None:
    """Nodes are told both addresses of each port before they are configured, and clients the outer one."""
    listening = docker.plans["proxy"].ports
    assert len(set(listening)) == 1 + 3 * 3
    told = blueprint.told["n1"]
    assert told.nodes == ("n1", "n2", "n3")
    outer = told.outside["n2", Link.ADMIN, "x"]
    inner = told.inside["n2", Link.ADMIN, "x"]
    assert (outer.host, inner.host) == ("127.0.0.1", "proxy")
    assert outer.port == inner.port + 10000
    assert started.endpoint("n2", Link.ADMIN, "x") == outer
    endpoints = {started.endpoint(node, Link.PUBLISHER) for node in started.nodes}
    assert len(endpoints) == 3
    assert all(isinstance(each, Endpoint) for each in endpoints)


@pytest.mark.usefixtures("docker")
def test_any_process_can_attach(started: ContainerCluster) -> None:
    """By the id alone: the same nodes, the same addresses, the same spec."""
    attached = attach_cluster("c4f1")
    assert attached.description == started.description == load("c4f1")
    assert (attached.id, attached.spec, attached.nodes) == ("c4f1", SPEC, ("n1", "n2", "n3"))
    assert attached.endpoint("n3", Link.ADMIN) == started.endpoint("n3", Link.ADMIN)
    assert (attached.description.image, attached.description.image_digest) == ("told:1", "sha256:1b")
    assert len({node.address for node in attached.description.nodes.values()}) == 3


@pytest.mark.parametrize(
    "step",
    ["network bh-c4f1", "volume bh-c4f1-n2", "start n2-mesh", "start proxy", "populate 3x3", "start n3"],
)
def test_a_start_that_fails_leaves_nothing(docker: Engine, blueprint: ToldBlueprint, step: str) -> None:
    """Whatever was created is removed after everything has ended, and the error gets out."""
    docker.fails_at = step
    with pytest.raises(OSError, match=f"no {step}"):
        start(blueprint)
    assert docker.done[-1] == "remove c4f1"
    with pytest.raises(Exception, match="no cluster 'c4f1'"):
        load("c4f1")


def test_a_proxy_is_waited_for(docker: Engine, blueprint: ToldBlueprint) -> None:
    """Until it answers, and not for ever."""
    docker.answers_after = 3
    start(blueprint)
    docker.answers_after = 10**9
    with virtual_time(), pytest.raises(DeadlineExceeded, match="link proxy answers: not within 10 s"):
        start(blueprint)
    assert docker.done[-1] == "remove c4f1"


def test_an_id_is_made_up_where_none_is_given(docker: Engine, blueprint: ToldBlueprint) -> None:
    """No two clusters have the same."""
    ids = {start_cluster(blueprint, SPEC, "run-1").id for _ in range(2)}
    assert {labels["broker-harness.cluster"] for labels in docker.labels.values()} == ids
    assert len(ids) == 2

"""Nodes as data: the configuration of each tier and size, the ports, the backend's own facts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.backends.nats import BACKEND
from harness.backends.nats.cluster import NatsBlueprint
from harness.engine.blueprint import Addresses, NodePlan
from harness.model.claim import Guarantee, Promise
from harness.model.cluster import ClusterSpec
from harness.model.errors import MissingExtra
from harness.model.link import Link


def plan(nodes: int, tier: str) -> NodePlan:
    """The plan of the first of ``nodes``."""
    names = tuple(f"n{i}" for i in range(1, nodes + 1))
    return NatsBlueprint().node(ClusterSpec("nats", "2.15.2", nodes, tier), "n1", Addresses(names, {}, {}))


def test_a_single_server_has_no_routes() -> None:
    """A cluster block would make JetStream wait for peers that never come."""
    assert "cluster" not in plan(1, "r1").files["nats.conf"]


def test_servers_of_a_cluster_know_one_another_and_tell_no_client() -> None:
    """A client that learnt the nodes' own addresses would go round the link proxy."""
    configuration = plan(3, "r3").files["nats.conf"]
    assert 'routes: ["nats://n1:6222", "nats://n2:6222", "nats://n3:6222"]' in configuration
    assert "no_advertise: true" in configuration
    assert "server_name: n1" in configuration


@pytest.mark.parametrize(("tier", "always"), [("r1", False), ("r1-always", True), ("r3-always", True)])
def test_only_the_always_tiers_sync_every_write(tier: str, *, always: bool) -> None:
    """The tier is a boot setting: it belongs to the nodes, not to a destination."""
    assert ("sync_interval: always" in plan(1, tier).files["nats.conf"]) is always


def test_the_server_is_started_by_its_path_from_its_volume() -> None:
    """Images differ in entrypoint and user; the store must be on the volume to survive a kill."""
    node = plan(1, "r1")
    assert node.command == ("/nats-server", "--config", "/data/nats.conf")
    assert "store_dir: /data/jetstream" in node.files["nats.conf"]
    assert node.image == "broker-harness/nats:2.15.2"


def test_every_link_reaches_the_client_port_and_only_admin_the_monitor() -> None:
    """Cutting a link must not blind us."""
    ports = [(port.link, port.port, port.name) for port in NatsBlueprint().ports()]
    assert {(link, 4222, "client") for link in Link} | {(Link.ADMIN, 8222, "monitor")} == set(ports)
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("nodes", BACKEND.node_counts)
def test_every_tier_promises_to_keep_what_was_acknowledged(nodes: int) -> None:
    """No tier goes without a claim about loss, and no claim names a tier there is none of."""
    for tier in BACKEND.tiers(nodes):
        assert [
            claim
            for claim in BACKEND.claims
            if claim.guarantee is Guarantee.NO_LOSS
            and claim.promise is Promise.PROMISED
            and tier in claim.tiers
        ]


def test_claims_have_their_source_and_known_tiers() -> None:
    """Each stands on a sentence of the vendor's documentation, word for word."""
    tiers = {tier for nodes in BACKEND.node_counts for tier in BACKEND.tiers(nodes)}
    for claim in BACKEND.claims:
        assert claim.quote
        assert claim.source.startswith("https://github.com/nats-io/nats.docs/blob/")
        assert set(claim.tiers) <= tiers


def test_importing_the_backend_does_not_import_the_client_library() -> None:
    """Whoever lists the backends need not have them installed."""
    script = "import sys, harness.backends.nats; print('nats' in sys.modules, 'docker' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "False"]


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known but not installed is another error than unknown, and can be asked for beforehand."""
    assert BACKEND.missing_extra() == ""
    monkeypatch.delitem(sys.modules, "harness.backends.nats.client", raising=False)
    monkeypatch.setitem(sys.modules, "nats", None)
    with pytest.raises(MissingExtra, match=r"broker-harness\[nats\]"):
        BACKEND.client(None, Link.ADMIN, "any")  # type: ignore[arg-type]  # never looked at
    assert "'nats-py'" in BACKEND.missing_extra()

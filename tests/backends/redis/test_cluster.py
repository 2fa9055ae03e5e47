"""What the nodes are configured to be."""

from __future__ import annotations

import pytest

from harness.backends.redis import BACKEND
from harness.backends.redis.cluster import TIERS, RedisBlueprint
from harness.engine.blueprint import Addresses, NodePlan
from harness.model.cluster import ClusterSpec
from harness.model.errors import BadOption
from harness.model.link import Link

THREE = ("n1", "n2", "n3")


def plan(node: str, nodes: tuple[str, ...] = THREE, tier: str = "everysec") -> NodePlan:
    spec = ClusterSpec("redis", "8.0.2", len(nodes), tier)
    return RedisBlueprint().node(spec, node, Addresses(nodes, {}, {}))


def lines(node: str, file: str, **options: str) -> list[str]:
    return plan(node, **options).files[file].splitlines()  # type: ignore[arg-type]


def test_first_node_is_the_first_primary() -> None:
    """The others follow it by name, and it follows nobody."""
    assert not [line for line in lines("n1", "redis.conf") if line.startswith("replicaof")]
    assert "replicaof n1 6379" in lines("n2", "redis.conf")
    assert "replicaof n1 6379" in lines("n3", "redis.conf")


def test_sentinels_know_one_another_from_the_start() -> None:
    """Each is told the other two under the very ids they give themselves."""
    own = {node: ids(node, "sentinel myid ") for node in THREE}
    assert len({first for (first,) in own.values()}) == 3
    for node in THREE:
        known = ids(node, "sentinel known-sentinel broker ")
        assert known == [f"{peer} 26379 {own[peer][0]}" for peer in THREE if peer != node]
        assert ids(node, "sentinel known-replica broker ") == ["n2 6379", "n3 6379"]


def ids(node: str, directive: str) -> list[str]:
    return [
        line.removeprefix(directive) for line in lines(node, "sentinel.conf") if line.startswith(directive)
    ]


def test_names_can_be_resolved_before_the_first_host_is_named() -> None:
    """A Sentinel refuses a host name above the line that allows host names."""
    conf = lines("n1", "sentinel.conf")
    assert conf.index("sentinel resolve-hostnames yes") < conf.index("sentinel monitor broker n1 6379 2")


@pytest.mark.parametrize("tier", TIERS[3])
def test_tier_decides_what_is_on_disk_when_a_write_is_acknowledged(tier: str) -> None:
    """Every tier has an append-only file; one syncs it always, one demands a replica."""
    conf = lines("n1", "redis.conf", tier=tier)
    assert "appendonly yes" in conf
    assert f"appendfsync {'always' if tier == 'always' else 'everysec'}" in conf
    assert ("min-replicas-to-write 1" in conf) == (tier == "min-replicas")


def test_single_node_has_no_sentinel() -> None:
    """There is nothing to fail over to."""
    alone = plan("n1", ("n1",))
    assert list(alone.files) == ["redis.conf"]
    assert "sentinel" not in " ".join(alone.command)


def test_command_names_its_program() -> None:
    """The engine takes the first word as the entrypoint, whatever the image has."""
    assert plan("n1").command[0] == "sh"
    assert plan("n1").image == "broker-harness/redis:8.0.2"


def test_every_link_reaches_server_and_sentinel() -> None:
    """A client asks the Sentinels through its own link."""
    ports = {(port.link, port.name, port.port) for port in RedisBlueprint().ports()}
    assert ports == {(link, *port) for link in Link for port in (("client", 6379), ("sentinel", 26379))}


def test_unknown_number_of_nodes_is_refused() -> None:
    """Two nodes have no majority, and are not run."""
    assert BACKEND.tiers(1)[0] == BACKEND.tiers(3)[0] == "everysec"
    with pytest.raises(BadOption, match="redis runs with 1 or 3"):
        BACKEND.tiers(2)

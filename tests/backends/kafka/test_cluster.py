"""The nodes as data: what each is told, and what never changes between its starts."""

from __future__ import annotations

import pytest

from harness.backends.kafka.cluster import (
    CONTROLLER,
    LINK_PORTS,
    KafkaBlueprint,
    node_id,
    node_name,
    server_properties,
)
from harness.engine.blueprint import Addresses
from harness.model.cluster import ClusterSpec, Endpoint
from harness.model.link import Link

BLUEPRINT = KafkaBlueprint()


def addresses(nodes: int, first: int = 40_000) -> Addresses:
    """Addresses as the link proxy would have them."""
    names = tuple(f"n{i + 1}" for i in range(nodes))
    keys = [(node, port.link, port.name) for node in names for port in BLUEPRINT.ports()]
    outside = {key: Endpoint("127.0.0.1", first + i) for i, key in enumerate(keys)}
    return Addresses(names, outside, {key: Endpoint("proxy", 20_000 + i) for i, key in enumerate(keys)})


def properties(nodes: int, node: str = "n1") -> dict[str, str]:
    """A node's configuration file, read back."""
    spec = ClusterSpec("kafka", "4.3.1", nodes, f"rf{nodes}")
    lines = server_properties(spec, node, addresses(nodes)).splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(("nodes", "in_sync"), [(1, "1"), (3, "2")])
def test_everything_is_on_every_node(nodes: int, in_sync: str) -> None:
    """Offsets, transactions and share states have a copy on each node, and a majority must write."""
    found = properties(nodes)
    factors = {value for name, value in found.items() if name.endswith("replication.factor")}
    minimums = {value for name, value in found.items() if name.endswith(("min.isr", "min.insync.replicas"))}
    assert factors == {str(nodes)}
    assert minimums == {in_sync}


def test_every_link_is_advertised_where_its_clients_are() -> None:
    """Clients on this machine are sent to the proxy's published ports, containers to the proxy itself."""
    found = properties(3, "n2")
    told = dict(item.split("://") for item in found["advertised.listeners"].split(","))
    book = addresses(3)
    for link in LINK_PORTS:
        where = book.inside if link is Link.SERVICE else book.outside
        assert told[link.name] == str(where["n2", link, "client"])
    assert told["INTERNAL"] == "n2:9092"
    assert "CONTROLLER" not in told


def test_voters_are_all_nodes_by_name() -> None:
    """The quorum is static, so that a node finds it again after every restart."""
    assert properties(3)["controller.quorum.voters"] == "1@n1:9093,2@n2:9093,3@n3:9093"
    assert properties(3, "n3")["node.id"] == "3"


def test_a_volume_is_formatted_once_and_java_is_the_process() -> None:
    """The mark follows the format, and the last command replaces the shell to get the signals."""
    plan = BLUEPRINT.node(ClusterSpec("kafka", "4.3.1", 3, "rf3"), "n1", addresses(3))
    script = plan.command[-1]
    assert plan.command[:2] == ("sh", "-c")
    assert script.index("[ -f formatted ]") < script.index("format --") < script.index("touch formatted")
    assert script.rpartition("; ")[2].startswith("exec java ")
    assert plan.image == "broker-harness/kafka:4.3.1"


def test_nodes_of_a_cluster_share_an_id_that_no_other_cluster_has() -> None:
    """The id follows from the proxy's addresses, and never looks like an option."""
    spec = ClusterSpec("kafka", "4.3.1", 3, "rf3")

    def of(node: str, first: int) -> str:
        words = BLUEPRINT.node(spec, node, addresses(3, first)).command[-1].split()
        return words[words.index("-t") + 1]

    assert of("n1", 40_000) == of("n3", 40_000)
    ids = {of("n1", first) for first in range(30_000, 30_200)}
    assert len(ids) == 200
    assert all(len(each) == 22 and "-" not in each for each in ids)


def test_each_link_has_a_listener_and_we_have_the_controller() -> None:
    """Four client ports, and the controller's for the admin link alone."""
    ports = BLUEPRINT.ports()
    assert {port.link for port in ports if port.name == "client"} == set(Link)
    assert [port.link for port in ports if port.name == CONTROLLER] == [Link.ADMIN]


def test_nodes_and_brokers_have_the_same_numbers() -> None:
    """``n3`` is broker 3, and no broker is no node."""
    assert node_id("n3") == 3
    assert node_name(3) == "n3"
    assert node_name(-1) == ""

"""A cluster's description: whole or not there, and of a format that is known."""

from __future__ import annotations

import msgspec
import pytest

from harness.engine.description import (
    FORMAT_VERSION,
    ClusterDescription,
    NodeDescription,
    Port,
    described,
    description_path,
    load,
    save,
)
from harness.engine.statedir import state_directory
from harness.model.cluster import ClusterSpec
from harness.model.errors import HarnessError


def description(cluster_id: str = "c4f1", owner: str = "run-1") -> ClusterDescription:
    """A cluster of one node."""
    return ClusterDescription(
        format_version=FORMAT_VERSION,
        id=cluster_id,
        owner=owner,
        spec=ClusterSpec("nats", "2.15.2", 1, "r1"),
        network=f"bh-{cluster_id}",
        proxy="9f",
        api=("127.0.0.1", 32801),
        image="broker-harness/nats:2.15.2",
        image_digest="sha256:1b",
        megabytes=100,
        nodes={"n1": NodeDescription("1b", "77", f"bh-{cluster_id}-n1", "172.18.0.3")},
        outside=(Port("n1", "publisher", "client", "127.0.0.1", 32802),),
    )


def test_what_was_saved_is_loaded() -> None:
    """Every part of it, by any process of this state directory; and no half-written file is left."""
    save(description())
    assert load("c4f1") == description()
    assert [path.name for path in (state_directory() / "clusters").iterdir()] == ["c4f1.json"]


def test_a_cluster_that_is_not_there_is_told_of() -> None:
    """With the directory that was looked into."""
    with pytest.raises(HarnessError, match=r"no cluster 'gone' is described in .*clusters"):
        load("gone")


def test_a_newer_description_is_refused() -> None:
    """Its meaning is not guessed; the error says what to do."""
    save(description())
    raw = msgspec.json.decode(description_path("c4f1").read_bytes())
    description_path("c4f1").write_bytes(msgspec.json.encode({**raw, "format_version": 99, "new": 1}))
    with pytest.raises(HarnessError, match=r"has format 99, this harness reads 1: upgrade it"):
        load("c4f1")


def test_an_owners_clusters_are_found() -> None:
    """Neither those of others, nor one that another version of the harness described."""
    assert list(described("run-1")) == []
    for cluster_id, owner in [("b", "run-1"), ("a", "run-1"), ("c", "run-2"), ("d", "run-1")]:
        save(description(cluster_id, owner))
    raw = msgspec.json.decode(description_path("d").read_bytes())
    description_path("d").write_bytes(msgspec.json.encode({**raw, "format_version": 99}))
    assert [each.id for each in described("run-1")] == ["a", "b"]

"""The file that describes a cluster: all that another process needs to attach to it.

It lies in the state directory as ``clusters/<id>.json`` for as long as the cluster lives::

    {"format_version":1,"id":"c4f1","owner":"r-1a","spec":{"backend":"nats",...},
     "network":"bh-c4f1","proxy":"9f..","api":["127.0.0.1",32801],
     "nodes":{"n1":{"container":"1b..","helper":"77..","volume":"bh-c4f1-n1","address":"172.18.0.3"}},
     "outside":[["n1","publisher","client","127.0.0.1",32802],...]}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.engine.statedir import state_directory
from harness.model.cluster import ClusterSpec
from harness.model.errors import HarnessError

FORMAT_VERSION = 1


class Port(NamedTuple):
    """One listener of the link proxy and the address it has on this machine."""

    node: str
    link: str
    name: str
    host: str
    port: int


class NodeDescription(msgspec.Struct, frozen=True):
    """The containers of one node, and its address in the mesh."""

    container: str
    helper: str
    volume: str
    address: str


class ClusterDescription(msgspec.Struct, frozen=True):
    """A running cluster as data."""

    format_version: int
    id: str
    owner: str
    spec: ClusterSpec
    network: str
    proxy: str
    api: tuple[str, int]
    image: str
    image_digest: str
    megabytes: int
    nodes: dict[str, NodeDescription]
    outside: tuple[Port, ...]


def description_path(cluster_id: str) -> Path:
    """Where the description of a cluster lies while the cluster lives."""
    return state_directory() / "clusters" / f"{cluster_id}.json"


def save(description: ClusterDescription) -> None:
    """Write the description so that no reader ever sees half of it."""
    path = description_path(description.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(msgspec.json.encode(description))
    partial.replace(path)


def load(cluster_id: str) -> ClusterDescription:
    """Read a description; raises ``HarnessError`` when there is none or a newer harness wrote it."""
    path = description_path(cluster_id)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise HarnessError(f"no cluster {cluster_id!r} is described in {path.parent}") from None
    version = msgspec.json.decode(raw).get("format_version")
    if version != FORMAT_VERSION:
        raise HarnessError(f"{path} has format {version}, this harness reads {FORMAT_VERSION}: upgrade it")
    return msgspec.json.decode(raw, type=ClusterDescription)


def described(owner: str) -> Iterator[ClusterDescription]:
    """Every cluster of ``owner`` that is described now."""
    return (description for description in all_described() if description.owner == owner)


def all_described() -> Iterator[ClusterDescription]:
    """Every cluster that is described now, whoever owns it; one of another format is passed over."""
    for path in sorted(description_path("any").parent.glob("*.json")):
        try:
            yield load(path.stem)
        except HarnessError:
            continue  # taken away meanwhile

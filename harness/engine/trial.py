"""Trying in containers what faults need of the kernel and of the engine.

Two containers are started as a node and its mesh helper are: one owns a network namespace without
any network, the other joins it. Both end by themselves and are removed by the engine, even if this
process is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

_LIFE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Probe:
    """A shell command that succeeds where faults can use what it tries; run in the order of ``PROBES``."""

    name: str
    command: str
    gives: str
    remedy: str
    required: bool = False
    joined: bool = False


PROBES = (
    Probe(
        "nft",
        "nft add table inet doctor"
        " && nft 'add chain inet doctor in { type filter hook input priority 0; }'"
        " && nft add rule inet doctor in tcp dport 1 drop",
        gives="cuts between nodes",
        remedy="a kernel with nf_tables is needed (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)",
        required=True,
    ),
    Probe(
        "network namespaces",
        "nft list table inet doctor",
        gives="a node joins its helper's, so that cuts survive its restarts",
        remedy="an engine with --network container:NAME is needed",
        required=True,
        joined=True,
    ),
    Probe(
        "netem",
        "tc qdisc add dev lo root netem delay 1ms",
        gives="latency and loss between nodes",
        remedy="load the kernel module sch_netem; without it latency and loss go through the link proxy",
    ),
    Probe(
        "ptrace",
        "sleep 0.3 & strace -qq -o /dev/null -p $!",
        gives="failing and slow system calls",
        remedy="let containers have SYS_PTRACE (a seccomp or AppArmor profile forbids it)",
    ),
)


def run(client: docker.DockerClient, image: str) -> dict[str, str]:
    """Try every probe in ``image``, the mesh helper's; return why each failed, empty where it did not."""
    owner = _start(client, image, network_mode="none")
    try:
        joiner = _start(client, image, network_mode=f"container:{owner.id}")
        try:
            return {probe.name: _try(joiner if probe.joined else owner, probe) for probe in PROBES}
        finally:
            joiner.remove(force=True)
    finally:
        owner.remove(force=True)


def _start(client: docker.DockerClient, image: str, network_mode: str) -> Container:
    return client.containers.run(
        image,
        entrypoint=["sleep", str(_LIFE_SECONDS)],
        detach=True,
        auto_remove=True,
        cap_add=["NET_ADMIN", "SYS_PTRACE"],
        network_mode=network_mode,
    )


def _try(container: Container, probe: Probe) -> str:
    result = container.exec_run(["sh", "-c", probe.command])
    if result.exit_code == 0:
        return ""
    said = result.output.decode(errors="replace") if isinstance(result.output, bytes) else ""
    return " ".join(said.split()) or f"`{probe.command}` ended with {result.exit_code}"

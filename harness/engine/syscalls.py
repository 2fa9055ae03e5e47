"""Tampering with a node's system calls: strace, in a container that joins the node's processes.

It is labelled as every container of the cluster is, so that whoever sweeps the one sweeps the other.
A node that dies takes it along, because the two share a namespace of processes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.engine.containers import ContainerPlan, start_container
from harness.engine.description import ClusterDescription
from harness.engine.discovery import connect
from harness.engine.labels import CLUSTER, OWNER, ROLE
from harness.model.errors import DeadlineExceeded, HarnessError

if TYPE_CHECKING:
    from docker.models.containers import Container

IMAGE = "broker-harness/mesh:1"
ATTACH_WITHIN = 10.0
MARKS = ("(INJECTED)", "(DELAYED)")
"""How strace marks the calls it has changed."""


def tamper(description: ClusterDescription, node: str, calls: Sequence[str], effect: str) -> None:
    """Give ``calls`` of a node an effect; raises ``HarnessError`` when strace cannot attach."""
    names = ",".join(calls)
    trace = ("-e", f"trace={names}", "-e", f"inject={names}:{effect}")
    container = start_container(
        ContainerPlan(
            name=_name(description, node),
            image=IMAGE,
            command=("strace", "-f", "-p", "1", *trace),
            labels={OWNER: description.owner, CLUSTER: description.id, ROLE: "strace"},
            network=f"container:{description.nodes[node].helper}",
            options={
                "pid_mode": f"container:{description.nodes[node].container}",
                "cap_add": ["SYS_PTRACE"],
            },
        ),
    )
    deadline = time.monotonic() + ATTACH_WITHIN
    while " attached" not in (said := _log(container)):
        container.reload()
        if container.status != "running":
            raise HarnessError(f"{node}: strace did not attach: {said.strip()}")
        if time.monotonic() > deadline:
            raise DeadlineExceeded(f"strace attached to {node}", ATTACH_WITHIN, said.strip() or "no word")
        time.sleep(0.02)


def count(description: ClusterDescription, node: str) -> int:
    """How many calls strace says it has changed; 0 where there is none."""
    container = _find(description, node)
    return sum(_log(container).count(mark) for mark in MARKS) if container is not None else 0


def let_be(description: ClusterDescription, node: str) -> None:
    """Have strace let go of the node, and remove its container."""
    if (container := _find(description, node)) is not None:
        container.stop(timeout=5)  # asked first, it detaches by itself
        container.remove(force=True)


def _find(description: ClusterDescription, node: str) -> Container | None:
    from docker.errors import NotFound  # noqa: PLC0415 - heavy, and this module is imported early

    try:
        return connect().containers.get(_name(description, node))
    except NotFound:
        return None


def _log(container: Container) -> str:
    return container.logs().decode(errors="replace")


def _name(description: ClusterDescription, node: str) -> str:
    return f"{description.network}-{node}-strace"

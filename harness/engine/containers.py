"""Starting one container through testcontainers, labelled, and on 127.0.0.1 only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.engine.discovery import connect

if TYPE_CHECKING:
    from docker.models.containers import Container


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """What one container is started with; ``ports`` are published on ports of this machine's choice.

    ``network`` is a network's name, with ``alias`` in it, or ``container:ID`` to join a namespace.
    """

    name: str
    image: str
    command: Sequence[str]
    labels: Mapping[str, str]
    network: str
    alias: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: Sequence[int] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def start_container(plan: ContainerPlan) -> Container:
    """Start it; whatever fails, the caller's clean-up by label finds what was created.

    testcontainers' own ways to publish a port take no address and would bind every interface;
    its ``ports`` mapping, which goes to the engine as it is, does take one.
    """
    connect()  # settles the environment that testcontainers reads when it is imported
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - must come after connect()

    container = DockerContainer(plan.image).with_name(plan.name).with_command(list(plan.command[1:]))
    container.ports = {f"{port}/tcp": ("127.0.0.1", None) for port in plan.ports}  # type: ignore[misc]
    for volume, path in plan.volumes.items():
        container.with_volume_mapping(volume, path, mode="rw")
    container.env = dict(plan.environment)
    options: dict[str, Any] = {
        "entrypoint": [plan.command[0]],
        "labels": dict(plan.labels),
        "user": "0",
        "detach": True,  # else the engine closes standard input when the first attached client leaves
        **plan.options,
    }
    if plan.network.startswith("container:"):
        options["network_mode"] = plan.network
    else:
        options |= {"network": plan.network, "hostname": plan.alias, "networking_config": _aliased(plan)}
    return container.with_kwargs(**options).start().get_wrapped_container()


def _aliased(plan: ContainerPlan) -> dict[str, Any]:
    from docker.types import EndpointConfig  # noqa: PLC0415 - heavy, and only needed here

    return {plan.network: EndpointConfig("1.41", aliases=[plan.alias])}


def published_ports(container: Container) -> dict[int, tuple[str, int]]:
    """The addresses on this machine of a container's ports, keyed by the container's port."""
    container.reload()
    bindings: dict[str, list[dict[str, str]] | None] = container.attrs["NetworkSettings"]["Ports"]
    return {
        int(port.partition("/")[0]): (bound[0]["HostIp"], int(bound[0]["HostPort"]))
        for port, bound in bindings.items()
        if bound
    }

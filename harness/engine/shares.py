"""A running node's share of processors and memory, as the engine sets it and the kernel counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.model.damage import Share, Strain

if TYPE_CHECKING:
    from docker.models.containers import Container

PERIOD = 100_000
"""Microseconds: the kernel's own period, of which a quota is a part."""


def share(container: Container) -> Share:
    """The share the engine was last told; 0 where there is no limit, or none below the whole machine."""
    container.reload()
    limits = container.attrs["HostConfig"]
    memory = limits["Memory"]
    processors = max(0, limits["CpuQuota"]) / (limits["CpuPeriod"] or PERIOD)
    return Share(processors, memory if 0 < memory < _machine(container) else 0)


def set_share(container: Container, wanted: Share) -> None:
    """Set the limits that differ; takes effect at once.

    The engine takes no memory limit back, so that none is one of the whole machine.
    """
    now = share(container)
    if wanted.processors != now.processors:
        container.update(cpu_period=PERIOD, cpu_quota=int(wanted.processors * PERIOD) or -1)
    if wanted.memory != now.memory:
        memory = wanted.memory or _machine(container)
        container.update(mem_limit=memory, memswap_limit=memory)


def strain(container: Container) -> Strain:
    """What the kernel says of the container's group; asking takes the engine up to two seconds."""
    seen: Any = container.stats(stream=False)
    throttled = seen["cpu_stats"].get("throttling_data", {}).get("throttled_periods", 0)
    return Strain(throttled, seen["memory_stats"].get("limit", 0))


def _machine(container: Container) -> int:
    client: Any = container.client
    return int(client.info()["MemTotal"])

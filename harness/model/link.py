"""The client-to-node networks, which can be severed apart."""

from __future__ import annotations

from enum import StrEnum


class Link(StrEnum):
    """Whose connections a link carries; ``admin`` carries our own observations, never faulted."""

    PUBLISHER = "publisher"
    CONSUMER = "consumer"
    SERVICE = "service"
    ADMIN = "admin"

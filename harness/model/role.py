"""What a node is at this moment; resolved when a fault is injected, never before."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A node's part in the cluster, always in relation to one destination."""

    LEADER = "leader"
    FOLLOWER = "follower"
    CONTROLLER = "controller"
    MINORITY = "minority"
    MAJORITY = "majority"
    ALL = "all"
    ANY = "any"

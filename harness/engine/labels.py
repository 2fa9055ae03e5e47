"""The labels on everything the engine makes for us, by which it is found again and swept."""

from __future__ import annotations

OWNER = "broker-harness.owner"
"""The run that owns it, or ``kept-<name>`` for a cluster kept on purpose."""

CLUSTER = "broker-harness.cluster"
"""The id of the cluster it belongs to."""

EXPIRES = "broker-harness.expires"
"""On what is kept on purpose: when it may be swept, in unix seconds."""

ROLE = "broker-harness.role"
"""What it is in its cluster: ``node``, ``mesh`` or ``proxy``."""

"""The examples that the help of each command ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EXAMPLES: Mapping[str, Sequence[str]] = {
    "setup": ("harness setup", "harness setup --backend nats@2.10.22"),
    "up": (
        "harness up nats",
        "harness up nats@2.15.2 --nodes 3 --name shop",
        "harness up redis --nodes 3 --tier wait --hours 2",
    ),
    "status": ("harness status", "harness status shop --destination orders", "harness status --json"),
    "fault": (
        "harness fault pause leader",
        "harness fault kill follower --for 20",
        "harness fault sever --link publisher",
        "harness fault isolate n2 --one-way",
        "harness fault pause --help",
    ),
    "fault pause": ("harness fault pause leader", "harness fault pause n1 --for 20"),
    "fault kill": ("harness fault kill follower", "harness fault kill all --for 5"),
    "fault sever": ("harness fault sever --link publisher", "harness fault sever n1 --link both"),
    "fault isolate": ("harness fault isolate leader", "harness fault isolate n2 --one-way"),
    "heal": ("harness heal", "harness heal --cluster shop"),
    "logs": ("harness logs n1", "harness logs n2 --cluster shop --follow"),
    "down": ("harness down", "harness down shop", "harness down --all"),
    "check": ("harness check runs/latest", "harness check runs/latest/nats/CASE --checker PerKeyOrder"),
}


def epilog(command: str) -> str | None:
    """Return what the help of a command ends with; ``None`` where there are no examples."""
    lines = EXAMPLES.get(command, ())
    # The backspace alone on a line keeps typer from wrapping what follows.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines) if lines else None

"""``harness logs``: what a node of a kept cluster has written."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from harness.cli.kept import Kept, chosen
from harness.cli.output import emit, say
from harness.model.errors import BadOption, UnknownName


def logs(
    node: Annotated[str, typer.Argument(metavar="NODE", help="A node such as n1.")],
    cluster: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which cluster, if several are up.")
    ] = None,
    *,
    lines: Annotated[int, typer.Option(metavar="COUNT", help="How many of the last lines.")] = 50,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C, or the node ends.")] = False,
) -> None:
    """Show what a node has written."""
    if lines < 0:
        raise BadOption("--lines", lines, "at least 0 is needed")
    kept = chosen(cluster)
    if node not in kept.description.nodes:
        raise UnknownName(f"node of {kept.name}", node, kept.description.nodes)
    if follow:
        _follow(kept, node, lines)
    elif text := kept.attach().log(node, lines).rstrip("\n"):
        emit(text)


def _follow(kept: Kept, node: str, lines: int) -> None:
    from harness.engine.discovery import connect  # noqa: PLC0415 - pays for what it uses only

    container = connect().containers.get(kept.description.nodes[node].container)
    for chunk in container.logs(stream=True, follow=True, tail=lines):
        sys.stdout.write(chunk.decode(errors="replace"))
        sys.stdout.flush()
    say(f"{node} has ended")

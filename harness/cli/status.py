"""``harness status``: what is kept, how it is, and what is wrong with it on purpose."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from harness.cli.kept import chosen, kept_clusters, labelled, span, undescribed
from harness.cli.output import emit, emit_json, say
from harness.cli.strike import DEFAULT_DESTINATION
from harness.cli.view import view
from harness.model.destination import Destination


def status(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One cluster only.")] = None,
    *,
    destination: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=f"Whose leader is shown (default: {DEFAULT_DESTINATION!r})."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Show the kept clusters: nodes, roles, addresses, faults.

    A node's state is the engine's word: running, paused, stopped (killed), or gone.
    """
    subject = Destination(destination or DEFAULT_DESTINATION).name
    known = kept_clusters()
    wanted = known if name is None else [chosen(name)]
    things = labelled()
    shown = [view(kept, span(kept, things), subject) for kept in wanted]
    strangers = undescribed(known, things) if name is None else []
    if json:
        emit_json({"clusters": [each.as_data() for each in shown], "undescribed": strangers})
        return
    now = time.time()
    emit("\n\n".join("\n".join(each.lines(now)) for each in shown) or "no cluster is up")
    for each in strangers:
        say(f"warning: something is kept as {each!r} and not described here:")
        say("         it is being started, or its start was interrupted, or another user keeps it")
        say(f"hint: harness down {each}, if it is yours")
    if not shown:
        say("hint: harness up nats --nodes 3")

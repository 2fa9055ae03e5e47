"""``harness down``: a kept cluster and its files removed."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

from harness.cli.kept import chosen, kept_clusters, labelled, owner_of, undescribed
from harness.cli.output import emit, emit_json, row, say
from harness.model.errors import BadOption

_LABEL = 9


class _Removed(NamedTuple):
    name: str
    spec: str
    things: int


def down(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which, if several are up.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that is kept and described here.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Remove a kept cluster: containers, networks, volumes, files."""
    if name is not None and everything:
        raise BadOption("--all", name, "give a name or --all, not both")
    removed = _remove_all() if everything else [_remove(name)]
    if json:
        emit_json({"removed": [each._asdict() for each in removed]})
        return
    for each in removed:
        told = f"{each.name}, {each.spec}: containers, networks, volumes ({each.things}), files"
        emit(row(["removed", told], [_LABEL]))
    if not removed:
        emit(row(["removed", "nothing: no cluster is up"], [_LABEL]))


def _remove_all() -> list[_Removed]:
    return [_remove(kept.id) for kept in kept_clusters()]


def _remove(name: str | None) -> _Removed:
    from harness.engine.sweep import remove_cluster, remove_owner  # noqa: PLC0415 - pays for what it uses only

    if name is not None and name in undescribed(kept_clusters(), labelled()):
        say(f"removing what is kept as {name}")
        return _Removed(name, "not described here", remove_owner(owner_of(name)))
    kept = chosen(name)
    say(f"removing {kept.name}")
    return _Removed(kept.name, str(kept.spec), remove_cluster(kept.id))

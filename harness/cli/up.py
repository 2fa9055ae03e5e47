"""``harness up``: a cluster to play with, kept until it is taken down or its time is over."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.kept import Kept, chosen, labelled, owner_of, span
from harness.cli.naming import reserved
from harness.cli.output import emit, emit_json, say
from harness.cli.strike import DEFAULT_DESTINATION
from harness.cli.view import view
from harness.model.cluster import ClusterSpec
from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from harness.backends.contract import Backend
    from harness.scenario.pool import RunsInContainers

LONGEST_HOURS = 24 * 365.0


def up(  # noqa: PLR0913 - one for each option
    backend: Annotated[str, typer.Argument(metavar="BACKEND", help="NAME or NAME@VERSION.")],
    *,
    nodes: Annotated[int, typer.Option(metavar="COUNT", help="How many nodes.")] = 1,
    tier: Annotated[
        str | None, typer.Option(metavar="TIER", help="How durable (default: the backend's first).")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Made up if not given.")] = None,
    hours: Annotated[float, typer.Option(metavar="HOURS", help="After which a sweep may remove it.")] = 24.0,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Start a cluster and keep it.

    Sets up the engine and the images first, where they are missing. Says where clients of each
    link reach each node; a second cluster beside the first has addresses of its own.
    """
    spec, runs = _asked(backend, nodes, tier)
    if not 0 < hours <= LONGEST_HOURS:
        raise BadOption("--hours", hours, f"it has to be above 0 and at most {LONGEST_HOURS:g}")
    _provide(spec)
    with reserved(name) as free:
        say(f"starting {free}, {spec}")
        kept = _start(runs, spec, free, hours)
    shown = view(kept, span(kept, labelled()), DEFAULT_DESTINATION)
    if json:
        emit_json(shown.as_data())
        return
    for line in shown.lines(time.time()):
        emit(line)
    say(f"hint: harness fault pause n1 --cluster {kept.name}, harness down {kept.name}")


def _asked(text: str, nodes: int, tier: str | None) -> tuple[ClusterSpec, RunsInContainers]:
    """Return what is asked for; raises ``BadOption`` or ``UnknownName`` for what cannot be had."""
    from harness.backends import load_backend  # noqa: PLC0415 - pays for what it uses only
    from harness.engine.versions import catalogue, parse_backend  # noqa: PLC0415
    from harness.scenario.pool import RunsInContainers  # noqa: PLC0415

    name, version = parse_backend(text)
    if warning := catalogue().untested(name, version):
        say(f"warning: {warning}")
    backend = load_backend(name)
    if not isinstance(backend, RunsInContainers):
        raise BadOption("backend", name, "it lives inside a process, so there is nothing to keep")
    if nodes not in backend.node_counts:
        counts = " or ".join(map(str, backend.node_counts))
        raise BadOption("--nodes", nodes, f"{name} runs with {counts}")
    tiers = backend.tiers(nodes)
    if tier is not None and tier not in tiers:
        raise UnknownName(f"tier of {name} with {nodes} nodes", tier, tiers)
    return ClusterSpec(name, version, nodes, tier or tiers[0]), backend


def _provide(spec: ClusterSpec) -> None:
    from harness.engine.images import ensure_all, needed  # noqa: PLC0415 - pays for what it uses only
    from harness.engine.install import ensure_engine  # noqa: PLC0415

    ensure_engine(say)
    ensure_all(needed([(spec.backend, spec.version)]), say)


def _start(runs: RunsInContainers, spec: ClusterSpec, name: str, hours: float) -> Kept:
    """Start the cluster and wait until it is ready; what does not become so is removed."""
    from harness.engine import cluster as engine  # noqa: PLC0415 - pays for what it uses only
    from harness.engine.sweep import remove_cluster  # noqa: PLC0415
    from harness.scenario.pool import READY_WITHIN  # noqa: PLC0415
    from harness.scenario.readiness import wait_until_ready  # noqa: PLC0415

    identity = secrets.token_hex(4)
    try:
        made = engine.start_cluster(runs.blueprint, spec, owner_of(name), identity, hours * 3600)
        say("waiting until it is ready")
        wait_until_ready(_backend(spec), made, READY_WITHIN)
    except BaseException:
        say("removing what was started")
        remove_cluster(identity)
        raise
    return chosen(identity)


def _backend(spec: ClusterSpec) -> Backend:
    from harness.backends import load_backend  # noqa: PLC0415 - pays for what it uses only

    return load_backend(spec.backend)

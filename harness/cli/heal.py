"""``harness heal``: every fault by hand undone, the latest first, and the cluster whole again."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from harness.cli.in_force import InForce, faults_in_force, strike_out
from harness.cli.kept import Kept, chosen
from harness.cli.output import emit, emit_json, row, say
from harness.cli.strike import heal as heal_one

_LABEL = 8


def heal(
    cluster: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which cluster, if several are up.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Heal every fault, and wait until the cluster is whole.

    May be run again at any time: it also undoes what no command has written down.
    """
    kept = chosen(cluster)
    started = time.monotonic()
    healed = heal_everything(kept)
    seconds = time.monotonic() - started
    if json:
        emit_json(
            {
                "cluster": kept.name,
                "healed": [each.as_data() for each in healed],
                "seconds": round(seconds, 3),
            }
        )
        return
    for each in healed:
        emit(row(["healed", f"{each.text}, hit {', '.join(each.nodes) or 'no node'}"], [_LABEL]))
    if not healed:
        emit(row(["healed", "nothing: no fault was in force"], [_LABEL]))
    emit(row(["ready", f"{kept.name}, after {seconds:.1f} s"], [_LABEL]))


def heal_everything(kept: Kept) -> list[InForce]:
    """Undo every fault and return those that were written down, once the cluster is whole.

    Raises ``ClusterNotReady`` when it does not become so.
    """
    from harness.scenario.pool import READY_WITHIN  # noqa: PLC0415 - pays for what it uses only
    from harness.scenario.readiness import wait_until_ready  # noqa: PLC0415

    found = faults_in_force(kept.id)[::-1]
    for each in found:
        say(f"healing {each.text}")
        _try(kept, each)
    cluster = kept.attach()
    cluster.heal()
    for each in found:
        strike_out(kept.id, each.id)
    say(f"waiting until {kept.name} is ready")
    wait_until_ready(kept.backend, cluster, READY_WITHIN)
    return found


def _try(kept: Kept, fault: InForce) -> None:
    import anyio  # noqa: PLC0415 - pays for what it uses only

    if not fault.injected:
        return
    try:
        anyio.run(heal_one, kept, fault)
    except Exception as error:  # noqa: BLE001 - the cluster's own healing comes next, and tells
        say(f"warning: {fault.text}: {error}")

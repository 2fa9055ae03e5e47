"""``harness fault``: a command for each fault there is, which injects it and sees it bite."""

from __future__ import annotations

import inspect
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from harness.cli.examples import epilog
from harness.cli.fault_options import fault_named, fault_names, options, summary
from harness.cli.heal import heal_everything
from harness.cli.kept import chosen
from harness.cli.output import emit, emit_json, row, say
from harness.cli.strike import DEFAULT_DESTINATION, Order, Struck, heal, still_in_force, strike
from harness.model.destination import Destination
from harness.model.errors import BadOption

if TYPE_CHECKING:
    from harness.faults import Fault

HELP = """Inject a fault into a kept cluster, and see it bite.

Returns at once, leaving the fault in force until `harness heal`, or stays until it is over with
--for. Exits with 1 if the fault was not seen to bite."""
_DID_NOT_BITE = 1
_INTERRUPTED = 130
_LABEL = 10
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_COMMON = {
    "cluster": (
        str | None,
        None,
        typer.Option("--cluster", metavar="NAME", help="Which cluster, if several are up."),
    ),
    "destination": (
        str | None,
        None,
        typer.Option(
            "--destination",
            metavar="NAME",
            help=f"What roles refer to (default: {DEFAULT_DESTINATION!r}, made if need be).",
        ),
    ),
    "seconds": (
        float | None,
        None,
        typer.Option("--for", metavar="SECONDS", help="Stay, and heal after that time or on Ctrl-C."),
    ),
    "json": (bool, False, typer.Option("--json", help="Write one JSON document.")),
}


class FaultGroup(TyperGroup):
    """The faults as commands, looked up when one is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all faults."""
        del ctx
        return fault_names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a fault; raises ``UnknownName`` with the nearest there is."""
        del ctx
        return _command(cmd_name, fault_named(cmd_name))


def faults() -> typer.Typer:
    """Return ``harness fault`` with a command for each fault."""
    return typer.Typer(
        cls=FaultGroup,
        help=HELP,
        epilog=epilog("fault"),
        no_args_is_help=True,
        rich_markup_mode=None,
        subcommand_metavar="FAULT [TARGET] ...",
    )


def _command(name: str, fault: type[Fault]) -> Any:
    """Return a command whose options are the fault's fields and what all faults have in common."""

    def run(**values: Any) -> None:
        common = {each: values.pop(f"_{each}") for each in _COMMON}
        _inject(name, fault(**values), **common)

    common = [
        inspect.Parameter(
            f"_{each}", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )
        for each, (kind, default, option) in _COMMON.items()
    ]
    run.__signature__ = inspect.Signature([*options(fault), *common])  # type: ignore[attr-defined]
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, help=summary(fault), epilog=epilog(f"fault {name}"))(run)
    return typer.main.get_command(app)


def _inject(  # noqa: PLR0913 - one for each option
    name: str,
    fault: Fault,
    *,
    cluster: str | None,
    destination: str | None,
    seconds: float | None,
    json: bool,
) -> None:
    subject = Destination(destination or DEFAULT_DESTINATION).name
    if seconds is not None and not 0 < seconds < math.inf:
        raise BadOption("--for", seconds, "a positive number of seconds is needed")
    order = Order(chosen(cluster), name, fault, subject)

    def report(struck: Struck) -> None:
        if json:
            emit_json(_data(order, struck))
        else:
            emit(_lines(order, struck))

    if seconds is None:
        _leave_in_force(order, report)
    else:
        _stay(order, seconds, report)


def _leave_in_force(order: Order, report: Callable[[Struck], None]) -> None:
    import anyio  # noqa: PLC0415 - pays for what it uses only

    try:
        struck = anyio.run(strike, order)
        report(struck)
    finally:
        if still_in_force(order.kept, order.id):
            say(f"hint: harness heal --cluster {order.kept.name}")
    if struck.missed:
        raise typer.Exit(_DID_NOT_BITE)


def _stay(order: Order, seconds: float, report: Callable[[Struck], None]) -> None:
    """Keep the fault in force for a while; it is healed whatever ends the while."""
    import anyio  # noqa: PLC0415 - pays for what it uses only

    struck = None
    try:
        with _signals(signal.default_int_handler):
            struck = anyio.run(strike, order)
            report(struck)
            if not struck.missed:
                say(f"in force for {seconds:g} s; Ctrl-C heals it at once")
                time.sleep(seconds)
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        # Bounded, and not to be interrupted: a second Ctrl-C would leave the fault in force.
        with _signals(signal.SIG_IGN):
            _heal(order, struck)
    if struck is None:
        raise typer.Exit(_INTERRUPTED)
    if struck.missed:
        raise typer.Exit(_DID_NOT_BITE)


def _heal(order: Order, struck: Struck | None) -> None:
    import anyio  # noqa: PLC0415 - pays for what it uses only

    entry = still_in_force(order.kept, order.id)
    if entry is None:
        if struck is not None:
            say("nothing is left to heal: another command did")
    elif entry.injected:
        anyio.run(heal, order.kept, entry)
        say(f"healed {entry.text}")
    else:
        # What it has touched is not known, so everything is undone.
        heal_everything(order.kept)
        say("healed everything")


@contextmanager
def _signals(handler: Any) -> Iterator[None]:
    """Handle what ends a command, a closed terminal included, in one way."""
    before = {each: signal.signal(each, handler) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handled in before.items():
            signal.signal(each, handled)


def _lines(order: Order, struck: Struck) -> str:
    fault = struck.fault
    seen = ["missed", f"did not bite: {struck.missed}"] if struck.missed else ["evidence", fault.evidence]
    rows = [
        ["fault", f"{fault.text} on {order.kept.name}"],
        ["hit", ", ".join(fault.nodes) or "no node"],
        seen,
    ]
    return "\n".join(row(cells, [_LABEL]) for cells in rows)


def _data(order: Order, struck: Struck) -> dict[str, Any]:
    return {
        "cluster": order.kept.name,
        "bitten": not struck.missed,
        "missed": struck.missed,
        "seconds": round(struck.seconds, 3),
        **struck.fault.as_data(),
    }

"""The commands, one file each, and what they have in common: how errors are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer

from harness.cli.check import check
from harness.cli.doctor import doctor
from harness.cli.down import down
from harness.cli.examples import epilog
from harness.cli.fault import faults
from harness.cli.heal import heal
from harness.cli.images import images
from harness.cli.logs import logs
from harness.cli.setup import setup
from harness.cli.status import status
from harness.cli.up import up
from harness.model.errors import BadOption, HarnessError, UnknownName

COMMANDS: tuple[Callable[..., Any], ...] = (setup, doctor, images, up, status, heal, logs, down, check)
"""Each function is a command: its name is the command's, its docstring the help."""

_FAILED = 1
_MISUSED = 2


def build() -> typer.Typer:
    """Return the application with every command."""
    app = typer.Typer(
        name="harness",
        help="Fault injection for NATS JetStream, Kafka and Redis Streams.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in COMMANDS:
        app.command(epilog=epilog(command.__name__))(command)
    app.add_typer(faults(), name="fault")
    return app


def run() -> None:
    """Run the command line of this process and exit."""
    try:
        build()(prog_name="harness")
    except (BadOption, UnknownName) as error:
        _exit(error, _MISUSED)
    except HarnessError as error:
        _exit(error, _FAILED)
    except Exception as error:
        if not _is_of_the_engine(error):
            raise
        _exit(_refused(error), _FAILED)


def _is_of_the_engine(error: Exception) -> bool:
    """Whether an error is the engine client's own; where that was never loaded, it is not."""
    ours = (("docker.errors", "DockerException"), ("requests.exceptions", "RequestException"))
    kinds = tuple(getattr(sys.modules[module], name) for module, name in ours if module in sys.modules)
    return isinstance(error, kinds)


def _refused(error: Exception) -> HarnessError:
    # What the engine itself said, where it answered; its client adds the address and the status.
    said = getattr(error, "explanation", None) or error
    return HarnessError(f"the container engine did not do it: {said}\nhint: harness status, harness doctor")


def _exit(error: HarnessError, code: int) -> None:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - stderr is where errors go
    raise SystemExit(code) from error

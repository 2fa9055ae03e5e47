"""The commands, one file each, and what they have in common: how errors are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import typer

from harness.cli.doctor import doctor
from harness.cli.images import images
from harness.cli.setup import setup
from harness.model.errors import BadOption, HarnessError, UnknownName

COMMANDS: tuple[Callable[..., Any], ...] = (setup, doctor, images)
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
        app.command()(command)
    return app


def run() -> None:
    """Run the command line of this process and exit."""
    try:
        build()(prog_name="harness")
    except (BadOption, UnknownName) as error:
        _exit(error, _MISUSED)
    except HarnessError as error:
        _exit(error, _FAILED)


def _exit(error: HarnessError, code: int) -> None:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - stderr is where errors go
    raise SystemExit(code) from error

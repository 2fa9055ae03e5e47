"""The command ``harness``: sets up, plays by hand, re-judges and reports; pytest runs the scenarios."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit: 0, 1 if something failed, 2 if what was asked makes no sense."""
    from harness.cli.app import run  # noqa: PLC0415 - typer is 39 ms that only the command line pays

    run()

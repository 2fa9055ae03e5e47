"""``harness setup``: an engine and the images, whatever of them is already there."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from harness.cli.output import emit, emit_json, row, say

_DEFAULT = ("nats", "kafka", "redis")


def setup(
    backend: Annotated[
        list[str] | None,
        typer.Option(help="NAME or NAME@VERSION; may be repeated (default: nats, kafka and redis)."),
    ] = None,
    *,
    no_install: Annotated[
        bool, typer.Option("--no-install", help="Install no package and start no engine.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False,
) -> None:
    """Have a container engine that answers, and the images of the backends.

    Does only what is not done yet, so it may be run again at any time. Where no engine answers, on
    Debian or Ubuntu and as root, it installs and starts one.
    """
    from harness.engine.images import ensure_all, needed  # noqa: PLC0415 - pays for what it uses only
    from harness.engine.install import ensure_engine  # noqa: PLC0415
    from harness.engine.versions import catalogue, parse_backend  # noqa: PLC0415

    chosen = [parse_backend(text) for text in backend or _DEFAULT]
    for warning in filter(None, (catalogue().untested(*one) for one in chosen)):
        say(f"warning: {warning}")
    client = ensure_engine(say, install=not no_install)
    engine = {"version": client.version()["Version"], "url": os.environ["DOCKER_HOST"]}
    provided = ensure_all(needed(chosen), say, install=not no_install)
    rows = [
        {"name": one.image.name, "version": one.image.version, "tag": one.image.tag, "how": one.how.value}
        for one in provided
    ]
    if json:
        emit_json({"engine": engine, "images": rows})
        return
    emit(row(["engine", f"{engine['version']} at {engine['url']}"], [11]))
    for image in rows:
        emit(row([image["how"], image["tag"]], [11]))

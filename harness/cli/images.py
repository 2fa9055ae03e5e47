"""``harness images``: what can be run, and what of it is here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli.output import emit, emit_json, row, say

if TYPE_CHECKING:
    from harness.engine.versions import Image


def images(*, json: Annotated[bool, typer.Option("--json", help="Write one JSON document.")] = False) -> None:
    """List the images of the tested versions, and whether the engine has them."""
    from harness.engine.versions import Image, Kind, catalogue  # noqa: PLC0415 - pays for what it uses only

    known = catalogue()
    entries = [known.entry(name) for kind in Kind for name in known.names(kind)]
    listed = [
        Image(one.name, version) for one in entries if one.image == one.name for version in one.versions
    ]
    state = _state()
    rows = [{"name": one.name, "version": one.version, "tag": one.tag, "state": state(one)} for one in listed]
    if json:
        emit_json({"images": rows})
        return
    for image in rows:
        emit(row([image["state"], image["tag"]], [9]))


def _state() -> Callable[[Image], str]:
    from harness.engine.discovery import connect  # noqa: PLC0415 - pays for what it uses only
    from harness.engine.images import image_id  # noqa: PLC0415
    from harness.model.errors import EngineUnavailable  # noqa: PLC0415

    try:
        client = connect()
    except EngineUnavailable as error:
        say(f"warning: {error}")
        return lambda _: "unknown"
    return lambda image: "here" if image_id(client, image) else "not here"

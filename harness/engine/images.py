"""Having an image: the local tag, else the official image, else one built from packages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness.engine import recipes, tools
from harness.engine.discovery import connect
from harness.engine.pulling import PullFailed, pull
from harness.engine.statedir import state_directory
from harness.engine.steps import Say, StepFailed, quoted
from harness.engine.versions import Image, Kind, catalogue, containers_directory
from harness.model.errors import DeadlineExceeded, ImageUnavailable

if TYPE_CHECKING:
    import docker

_BUILD_SECONDS = 900
_LOCK_SECONDS = 1800.0
_AT_ONCE = 2


class How(StrEnum):
    """Where an image came from, this time."""

    PRESENT = "present"
    PULLED = "pulled"
    BUILT = "built"


@dataclass(frozen=True, slots=True)
class Provided:
    """An image that the engine has."""

    image: Image
    how: How


def ensure(name: str, version: str, say: Say, *, install: bool = True) -> str:
    """Return the tag of an image that the engine has, once it has it.

    ``name`` is that of a folder of recipes; ``say`` takes lines of progress. ``install`` allows a
    missing build tool to be installed. The image stays, so the next call returns at once.

    Raises ``ImageUnavailable`` with all that was tried, ``UnknownName`` for a name that has no
    entry, ``DeadlineExceeded`` if another process builds it for longer than half an hour.
    """
    return provide(Image(name, version), say, install=install).image.tag


def ensure_all(images: Iterable[Image], say: Say, *, install: bool = True) -> list[Provided]:
    """Have several images, two at a time, and return them in the order given.

    Raises what ``ensure`` raises, for the first that cannot be had, once the others are there.
    """
    wanted = list(dict.fromkeys(images))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="image") as pool:
        coming = [pool.submit(provide, image, say, install=install) for image in wanted]
    return [one.result() for one in coming]


def provide(image: Image, say: Say, *, install: bool = True) -> Provided:
    """Do what ``ensure`` does, and tell where the image came from."""
    catalogue().entry(image.name)
    client = connect()
    if image_id(client, image):
        return Provided(image, How.PRESENT)
    with _lock(image, say):
        if image_id(client, image):
            return Provided(image, How.PRESENT)
        return Provided(image, _obtain(client, image, say, install=install))


def image_id(client: docker.DockerClient, image: Image) -> str:
    """Return the engine's id of ``image``, empty if it has none of that tag."""
    from docker.errors import ImageNotFound  # noqa: PLC0415 - only who has an engine needs it

    try:
        return str(client.images.get(image.tag).id)
    except ImageNotFound:
        return ""


def needed(backends: Iterable[tuple[str, str]]) -> list[Image]:
    """Return the images that clusters of these backends (name, version) run, the parts included."""
    known = catalogue()
    parts = [Image(name, known.entry(name).default) for name in known.names(Kind.PART)]
    nodes = [known.image(name, version) for name, version in backends]
    return [*dict.fromkeys([*parts, *filter(None, nodes)])]


def _lock(image: Image, say: Say) -> FileLock:
    """Take the machine's lock of one image, so that no two processes build it."""
    directory = state_directory() / "images"
    directory.mkdir(exist_ok=True)
    lock = FileLock(directory / f"{image.name}-{image.version}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"{image}: waiting for another process that provides it")
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            what = f"lock of image {image}"
            raise DeadlineExceeded(what, _LOCK_SECONDS, f"{lock.lock_file} is held") from None
    return lock


def _obtain(client: docker.DockerClient, image: Image, say: Say, *, install: bool) -> How:
    reasons = []
    if official := catalogue().entry(image.name).official:
        try:
            _pull_and_tag(client, image, official.format(version=image.version), say)
        except PullFailed as error:
            say(f"{image}: not pulled ({error})")
            reasons.append(f"not pulled: {error}")
        else:
            return How.PULLED
    try:
        _build(client, image, say, install=install)
    except (recipes.NoRecipe, tools.ToolMissing, StepFailed) as error:
        reasons.append(f"not built: {error}")
        raise ImageUnavailable(image.tag, reasons, _remedy(image)) from error
    return How.BUILT


def _pull_and_tag(client: docker.DockerClient, image: Image, reference: str, say: Say) -> None:
    pull(reference, say)
    client.images.get(reference).tag(*image.tag.rsplit(":", 1))


def _build(client: docker.DockerClient, image: Image, say: Say, *, install: bool) -> None:
    entry = catalogue().entry(image.name)
    arguments = {"VERSION": image.version}
    if entry.base:
        arguments["BASE"] = ensure(entry.base, catalogue().entry(entry.base).default, say, install=install)
    with tempfile.TemporaryDirectory(prefix="broker-harness-build-") as directory:
        context = Path(directory) / image.name
        shutil.copytree(containers_directory() / image.name, context)
        recipes.Build(image, entry, context, say, install).prepare()
        say(f"{image}: building the image")
        _docker_build(client, image, context, arguments)
    say(f"{image}: built")


def _docker_build(
    client: docker.DockerClient, image: Image, context: Path, arguments: dict[str, str]
) -> None:
    from docker.errors import APIError, BuildError  # noqa: PLC0415 - only who builds pays for it

    try:
        client.images.build(
            path=str(context),
            tag=image.tag,
            rm=True,
            forcerm=True,
            buildargs=arguments,
            timeout=_BUILD_SECONDS,
        )
    except BuildError as error:
        # The steps that went well are an image without a name now.
        label = f"broker-harness.image={image.name}"
        client.images.prune(filters={"dangling": True, "label": label})
        log = "".join(str(event.get("stream", "")) for event in error.build_log)
        raise recipes.NoRecipe(f"{error.msg}{quoted(log)}") from error
    except APIError as error:
        raise recipes.NoRecipe(f"the engine refuses to build: {error}") from error


def _remedy(image: Image) -> str:
    entry = catalogue().entry(image.name)
    others = f"; {entry.other}" if entry.other else ""
    tested = f"{image.name} can be had as {', '.join(entry.versions)}{others}"
    return f"{tested}; or `docker tag` an image of yours, with {entry.relies_on}, as {image.tag}"

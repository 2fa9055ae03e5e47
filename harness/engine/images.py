"""Having an image: the local tag, else the official image, else one built from packages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness.engine import recipes, tools
from harness.engine.building import Builder, BuildFailed
from harness.engine.discovery import connect
from harness.engine.pulling import PullFailed, pull
from harness.engine.statedir import state_directory
from harness.engine.steps import Say, StepFailed
from harness.engine.versions import Image, Kind, catalogue
from harness.model.errors import DeadlineExceeded, ImageUnavailable

if TYPE_CHECKING:
    import docker

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
    with _only_one(image, say):
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


@contextmanager
def _only_one(image: Image, say: Say) -> Iterator[None]:
    """Hold the machine's lock of one image, so that no two processes build it."""
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
    try:
        yield
    finally:
        lock.release()


def _obtain(client: docker.DockerClient, image: Image, say: Say, *, install: bool) -> How:
    reasons: list[str] = []
    for failing, how, way in _ways(client, image, say, install=install):
        if reasons:
            say(f"{image}: {reasons[-1]}")
        try:
            way()
        except (PullFailed, BuildFailed, recipes.NoRecipe, tools.ToolMissing, StepFailed) as error:
            reasons.append(f"{failing}: {error}")
        else:
            return how
    raise ImageUnavailable(image.tag, reasons, _remedy(image))


def _ways(
    client: docker.DockerClient, image: Image, say: Say, *, install: bool
) -> Iterator[tuple[str, How, Callable[[], None]]]:
    """Yield the ways to have an image, the best first, each with what its failure is called."""
    entry = catalogue().entry(image.name)
    builder = Builder(client, image, entry, say, install)
    if entry.official:
        yield "not pulled", How.PULLED, partial(_pull_and_tag, client, image, say)
    if entry.official_base:
        yield "not built on an official image", How.BUILT, builder.on_official_base
    yield "not built from packages", How.BUILT, partial(_build, builder)


def _pull_and_tag(client: docker.DockerClient, image: Image, say: Say) -> None:
    reference = catalogue().entry(image.name).official.format(version=image.version)
    pull(reference, say)
    client.images.get(reference).tag(*image.tag.rsplit(":", 1))


def _build(builder: Builder) -> None:
    base = builder.entry.base
    on = ensure(base, catalogue().entry(base).default, builder.say, install=builder.install) if base else ""
    builder.from_packages(on)


def _remedy(image: Image) -> str:
    entry = catalogue().entry(image.name)
    others = f"; {entry.other}" if entry.other else ""
    tested = f"{image.name} can be had as {', '.join(entry.versions)}{others}"
    return f"{tested}; or `docker tag` an image of yours, with {entry.relies_on}, as {image.tag}"

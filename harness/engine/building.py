"""Building an image in a directory of its own, outside the package, of which nothing stays."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.pulling import pull
from harness.engine.recipes import Build
from harness.engine.steps import Say, quoted
from harness.engine.versions import Entry, Image, containers_directory

if TYPE_CHECKING:
    import docker

_SECONDS = 900


class BuildFailed(Exception):
    """An image that the engine could not build, with the last lines of what it said."""


@dataclass(frozen=True, slots=True)
class Builder:
    """One image to build; ``install`` allows a missing build tool to be installed."""

    client: docker.DockerClient
    image: Image
    entry: Entry
    say: Say
    install: bool

    def on_official_base(self) -> None:
        """Build on an image of a registry, by ``official.Dockerfile``; needs no tool of the host.

        Raises ``PullFailed`` or ``BuildFailed``.
        """
        pull(self.entry.official_base, self.say)
        with self._context() as context:
            self._build(context, "official.Dockerfile", {"BASE": self.entry.official_base})

    def from_packages(self, base: str) -> None:
        """Build from packages, on the image ``base`` if the recipe has one.

        Raises ``NoRecipe``, ``ToolMissing``, ``StepFailed`` or ``BuildFailed``.
        """
        with self._context() as context:
            Build(self.image, self.entry, context, self.say, self.install).prepare()
            self._build(context, "Dockerfile", {"BASE": base} if base else {})

    @contextmanager
    def _context(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="broker-harness-build-") as directory:
            context = Path(directory) / self.image.name
            shutil.copytree(containers_directory() / self.image.name, context)
            yield context

    def _build(self, context: Path, dockerfile: str, arguments: Mapping[str, str]) -> None:
        from docker.errors import APIError, BuildError  # noqa: PLC0415 - only who builds pays for it

        self.say(f"{self.image}: building the image")
        try:
            self.client.images.build(
                path=str(context),
                dockerfile=dockerfile,
                tag=self.image.tag,
                buildargs={"VERSION": self.image.version, **arguments},
                rm=True,
                forcerm=True,
                timeout=_SECONDS,
            )
        except BuildError as error:
            self._prune()
            log = "".join(str(event.get("stream", "")) for event in error.build_log)
            raise BuildFailed(f"{error.msg}{quoted(log)}") from error
        except APIError as error:
            raise BuildFailed(f"the engine refuses to build: {error}") from error
        self.say(f"{self.image}: built")

    def _prune(self) -> None:
        """Take away what the steps that went well have left: an image without a name."""
        label = f"broker-harness.image={self.image.name}"
        self.client.images.prune(filters={"dangling": True, "label": label})

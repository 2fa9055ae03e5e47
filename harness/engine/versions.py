"""What there is to run: ``containers/versions.toml`` as data, and ``NAME@VERSION`` as users write it."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z][0-9A-Za-z.]*)?")


class Kind(StrEnum):
    """``backend``: what users choose; ``part``: what every cluster needs; ``base``: what images stand on."""

    BACKEND = "backend"
    PART = "part"
    BASE = "base"


class Image(NamedTuple):
    """An image that the harness runs."""

    name: str
    version: str

    @property
    def tag(self) -> str:
        """What the engine knows it by."""
        return f"broker-harness/{self.name}:{self.version}"

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of ``versions.toml``.

    ``image`` is empty where none is needed. ``official`` and ``go`` have a ``{version}`` to fill in.
    ``suites`` names the Debian release that has a version; ``base`` the image of ours
    that a build from packages stands on, ``official_base`` the one of a registry instead of packages.
    """

    name: str
    kind: Kind
    versions: tuple[str, ...]
    image: str
    official: str = ""
    relies_on: str = ""
    other: str = ""
    go: str = ""
    base: str = ""
    official_base: str = ""
    suites: Mapping[str, str] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The version taken where none is named."""
        return self.versions[0]


class Catalogue:
    """Every entry of a ``versions.toml``, by name."""

    def __init__(self, path: Path) -> None:
        """Read ``path``; raises ``BadOption`` for a kind, key or shape that has no meaning here."""
        self._entries = {
            name: _entry(path, name, table) for name, table in tomllib.loads(path.read_text()).items()
        }

    def entry(self, name: str) -> Entry:
        """Return the entry of a backend or part; raises ``UnknownName``."""
        if name not in self._entries:
            raise UnknownName("backend or part", name, self._entries)
        return self._entries[name]

    def names(self, kind: Kind) -> tuple[str, ...]:
        """Names of one kind, in the order of the file."""
        return tuple(entry.name for entry in self._entries.values() if entry.kind is kind)

    def parse_backend(self, text: str) -> tuple[str, str]:
        """Split ``NAME`` or ``NAME@VERSION``; see the function ``parse_backend``."""
        name, at, version = text.partition("@")
        if name not in self.names(Kind.BACKEND):
            raise UnknownName("backend", name, self.names(Kind.BACKEND))
        entry = self.entry(name)
        if at:
            _refuse_nonsense(entry, version)
        return name, version or entry.default

    def image(self, backend: str, version: str) -> Image | None:
        """Return the image that ``backend`` runs at ``version``; ``None`` where it needs none of ours."""
        if backend not in self.names(Kind.BACKEND):
            return None
        image = self.entry(backend).image
        return Image(image, version) if image else None

    def untested(self, name: str, version: str) -> str:
        """Return a warning if ``version`` is not among those the harness is tested with, else nothing."""
        versions = self.entry(name).versions
        if version in versions:
            return ""
        return f"{name} {version} is not among the tested versions ({', '.join(versions)})"


@functools.cache
def catalogue() -> Catalogue:
    """Return the catalogue that comes with the harness."""
    return Catalogue(containers_directory() / "versions.toml")


def containers_directory() -> Path:
    """Where ``versions.toml`` and the recipes are: in the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "containers"
    return inside if inside.is_dir() else package.parent / "containers"


def parse_backend(text: str) -> tuple[str, str]:
    """Split what a user writes, ``nats`` or ``nats@2.10.22``, into name and version.

    A version that is not among the tested ones is taken if it has the form of one, because a broker
    bug is found between releases; ``Catalogue.untested`` words the warning.

    Raises ``UnknownName`` for a backend, and ``BadOption`` for a version, that cannot be.
    """
    return catalogue().parse_backend(text)


def _entry(path: Path, name: str, table: Mapping[str, object]) -> Entry:
    fields = {"name": name, "image": name, **table}
    try:
        fields["kind"] = Kind(str(fields["kind"]))
        versions = fields["versions"]
        if not isinstance(versions, list) or not versions:
            raise BadOption(f"{path}: [{name}]", versions, "versions has to list at least one")
        fields["versions"] = tuple(map(str, versions))
        return Entry(**fields)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError) as error:
        raise BadOption(f"{path}: [{name}]", dict(table), str(error)) from error


def _refuse_nonsense(entry: Entry, version: str) -> None:
    if version in entry.versions or (entry.image and _VERSION.fullmatch(version)):
        return
    bare = version.removeprefix("v")
    if entry.image and _VERSION.fullmatch(bare):
        raise BadOption(f"version of {entry.name}", version, f"did you mean {entry.name}@{bare}?")
    near = [known for known in entry.versions if bare and known.startswith(f"{bare}.")]
    meant = f"; did you mean {entry.name}@{near[0]}?" if near else ""
    needed = f"a full version such as {entry.default}" if entry.image else f"{entry.default} or none"
    tested = ", ".join(entry.versions)
    raise BadOption(f"version of {entry.name}", version, f"needed is {needed}{meant} (tested: {tested})")

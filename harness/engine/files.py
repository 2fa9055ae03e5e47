"""Reading and replacing single files of a node's data, on a volume or on a disk of its own.

A node's image may hold nothing but the broker, so that files of a volume go through the mesh helper,
which mounts it too and runs while the node does not.
"""

from __future__ import annotations

import io
import shlex
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from harness.engine.blueprint import DATA
from harness.model.errors import HarnessError

if TYPE_CHECKING:
    from docker.models.containers import Container


class Files(Protocol):
    """The files below one folder; paths are relative to it."""

    def find(self, pattern: str) -> Sequence[str]: ...
    def read(self, path: str) -> bytes: ...
    def write(self, path: str, content: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class FolderFiles:
    """Files below a folder of this machine."""

    folder: Path

    def find(self, pattern: str) -> Sequence[str]:
        """The paths that match a pattern of the shell (``*`` matches ``/`` too)."""
        paths = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return sorted(str(path) for path in paths if fnmatchcase(str(path), pattern))

    def read(self, path: str) -> bytes:
        """What the file holds."""
        return (self.folder / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Replace what the file holds."""
        (self.folder / path).write_bytes(content)


@dataclass(frozen=True, slots=True)
class VolumeFiles:
    """Files of a volume, through a running container that mounts it."""

    container: Container

    def find(self, pattern: str) -> Sequence[str]:
        """The paths that match a pattern of the shell (``*`` matches ``/`` too)."""
        command = f"cd {shlex.quote(DATA)} && find . -type f"
        done: Any = self.container.exec_run(["sh", "-c", command])
        if done.exit_code != 0:
            raise HarnessError(f"{self.container.name}: {command}: {done.output!r}")
        paths = [line.removeprefix("./") for line in done.output.decode().splitlines()]
        return sorted(path for path in paths if fnmatchcase(path, pattern))

    def read(self, path: str) -> bytes:
        """What the file holds."""
        chunks, _ = self.container.get_archive(f"{DATA}/{path}")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            member = tar.extractfile(tar.getmembers()[0])
            if member is None:
                raise HarnessError(f"{self.container.name}: {path} is no file")
            return member.read()

    def write(self, path: str, content: bytes) -> None:
        """Replace what the file holds."""
        place = PurePosixPath(DATA) / path
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(place.name)
            entry.size, entry.mode = len(content), 0o640
            tar.addfile(entry, io.BytesIO(content))
        self.container.put_archive(str(place.parent), archive.getvalue())

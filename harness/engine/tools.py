"""The programs of the host that build an image, installed where one is missing and that is allowed."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from harness.engine import packages
from harness.engine.steps import Say, Step, StepFailed

_PLACES = "/usr/local/go/bin:/usr/lib/go/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""Where tools are that are often not in PATH; Go's own instructions put it into the first."""


class ToolMissing(Exception):
    """A program that an image cannot be built without, and how to have it."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program and the Debian packages that bring it."""

    program: str
    packages: tuple[str, ...]

    def path(self, say: Say, *, install: bool) -> str:
        """Return where the program is, installing it first if it is nowhere and ``install`` allows.

        Raises ``ToolMissing`` if it may not or cannot be installed.
        """
        if found := self._find():
            return found
        by_hand = f"{self.program} is missing; have it by `{packages.command(self.packages)}`"
        if not install:
            raise ToolMissing(by_hand)
        if obstacle := packages.obstacle():
            raise ToolMissing(f"{by_hand} ({obstacle})")
        try:
            packages.install(self.packages, say)
        except StepFailed as error:
            raise ToolMissing(f"{by_hand} ({error})") from error
        if found := self._find():
            return found
        raise ToolMissing(f"{by_hand} (installed, and still not found)")

    def _find(self) -> str:
        return shutil.which(self.program) or shutil.which(self.program, path=_PLACES) or ""


GO = Tool("go", ("golang-go", "ca-certificates"))
MAVEN = Tool("mvn", ("maven",))
MMDEBSTRAP = Tool("mmdebstrap", ("mmdebstrap", "debian-archive-keyring"))


def refuse_old_go(go: str, say: Say) -> None:
    """Raise ``ToolMissing`` for a Go that cannot fetch the toolchain which a module asks for."""
    seen = Step("asking go for its version", [go, "version"], seconds=60).run(say)
    version = re.search(r"go(\d+)\.(\d+)", seen)
    if version and (int(version[1]), int(version[2])) < (1, 21):
        raise ToolMissing(f"{go} is {version[0]}; go1.21 or newer is needed, see https://go.dev/doc/install")

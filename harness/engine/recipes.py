"""How an image is built from packages: what its folder and its entry hold decides.

A Go module in the entry: its program is built statically. A list ``packages`` in the folder: a
Debian root file system. A ``pom.xml``: Maven's artifacts. Each puts what it made beside a copy of
the folder, whose ``Dockerfile`` does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.engine import tools
from harness.engine.mirror import debian_mirror
from harness.engine.steps import Say, Step, StepFailed
from harness.engine.versions import Entry, Image

_FIRST_WITH_LOG4J2 = 4
_DPKG_OPTIONS = (
    # What a power failure spoils is built again, so nothing waits for the disk.
    "--dpkgopt=force-unsafe-io",
    # Manual pages stay: without them the alternatives of a JRE cannot be set up.
    *(f"--dpkgopt=path-exclude=/usr/share/{unread}/*" for unread in ("doc", "info", "locale")),
)


class NoRecipe(Exception):
    """A version, or an image, that cannot be built from packages."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build: ``context`` is a directory of its own with a copy of the image's folder."""

    image: Image
    entry: Entry
    context: Path
    say: Say
    install: bool

    def prepare(self) -> None:
        """Make what the ``Dockerfile`` copies, in the context.

        Raises ``NoRecipe``, ``tools.ToolMissing`` or ``StepFailed`` with the reason.
        """
        if self.entry.go:
            self._go_program()
        elif (self.context / "packages").is_file():
            self._debian_root()
        elif (self.context / "pom.xml").is_file():
            self._maven_libraries()
        else:
            raise NoRecipe(f"there is no recipe for {self.image.name}")

    def _go_program(self) -> None:
        go = tools.GO.path(self.say, install=self.install)
        tools.refuse_old_go(go, self.say)
        module = self.entry.go.format(version=self.image.version)
        # A scratch image has no libc; and a release may need a newer Go than there is here.
        env = {"CGO_ENABLED": "0", "GOBIN": str(self.context), "GOTOOLCHAIN": "auto"}
        self._step("building with go", [go, "install", module], env=env)

    def _debian_root(self) -> None:
        suite = self.entry.suites.get(self.image.version)
        if not suite:
            raise NoRecipe(f"no Debian release we know has {self.image}")
        program = tools.MMDEBSTRAP.path(self.say, install=self.install)
        packages = (self.context / "packages").read_text().format(version=self.image.version).split()
        options = [
            "--variant=apt",
            f"--include={','.join(packages)}",
            *_DPKG_OPTIONS,
            *_apt_options(self.say),
        ]
        archive = [mirror] if (mirror := debian_mirror()) else []
        self._step(f"fetching Debian {suite}", [program, *options, suite, "root.tar", *archive])

    def _maven_libraries(self) -> None:
        maven = tools.MAVEN.path(self.say, install=self.install)
        major = int(self.image.version.partition(".")[0])
        # Kafka names log4j 1 classes until 4.0, which reload4j has and log4j 2 has not.
        profile = "log4j2" if major >= _FIRST_WITH_LOG4J2 else "reload4j"
        options = ["-B", "-q", f"-D{self.image.name}.version={self.image.version}", "-P", profile]
        goal = ["dependency:copy-dependencies", "-DoutputDirectory=libs"]
        self._step("fetching with Maven", [maven, *options, *goal])

    def _step(self, what: str, argv: list[str], env: dict[str, str] | None = None) -> None:
        self.say(f"{self.image}: {what}")
        Step(f"{self.image}: {what}", argv, cwd=self.context, env=env or {}).run(self.say)


def _apt_options(say: Say) -> list[str]:
    """Take over from the host whether dates of an archive count: of a snapshot they must not."""
    try:
        seen = Step("apt-config", ["apt-config", "dump", "Acquire"], seconds=60).run(say)
    except (OSError, StepFailed):
        return []
    return [
        f"--aptopt={line.rstrip(';')}" for line in seen.splitlines() if line.startswith("Acquire::Check-")
    ]

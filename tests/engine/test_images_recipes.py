"""Building from packages: which program is run, with what, and what is said when it cannot be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.engine import packages, recipes, tools
from harness.engine.recipes import Build, NoRecipe
from harness.engine.steps import Step, StepFailed
from harness.engine.tools import Tool, ToolMissing
from harness.engine.versions import Image, catalogue, containers_directory

Prepare = Callable[..., list[str]]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory of programs that log their calls, the only ones there are."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(tools, "_PLACES", str(directory))
    monkeypatch.setattr(recipes, "debian_mirror", lambda: "http://archive.example/debian")
    return directory


def program(machine: Path, name: str, script: str = "") -> None:
    """Put a program there."""
    path = machine / name
    log = machine / "calls"
    path.write_text(
        f'#!/bin/sh\n{script}\necho "{name} $*" >>{log}\necho "GOBIN=$GOBIN $CGO_ENABLED" >>{log}\n'
    )
    path.chmod(0o755)


def prepare(machine: Path, image: Image, *, install: bool = False) -> list[str]:
    """Prepare a build of ``image`` and return the calls that it took."""
    context = machine / "context"
    shutil.copytree(containers_directory() / image.name, context)
    Build(image, catalogue().entry(image.name), context, lambda _: None, install).prepare()
    return (machine / "calls").read_text().splitlines()


def test_a_go_program_is_built_statically(machine: Path) -> None:
    """It goes into a scratch image, so it may need nothing; its place is the context."""
    program(machine, "go", '[ "$1" != version ] || { echo go version go1.24.4 linux/amd64; exit 0; }')
    assert prepare(machine, Image("nats", "2.10.20")) == [
        "go install github.com/nats-io/nats-server/v2@v2.10.20",
        f"GOBIN={machine / 'context'} 0",
    ]


def test_an_old_go_is_refused(machine: Path) -> None:
    """Before 1.21 Go does not fetch the newer Go that a module asks for; its own error is a riddle."""
    program(machine, "go", "echo go version go1.19.8 linux/amd64; exit 0")
    with pytest.raises(ToolMissing, match=r"is go1\.19; go1\.21 or newer is needed"):
        prepare(machine, Image("nats", "2.15.2"))


def test_a_debian_root_has_the_packages_of_its_list(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The release is that which has the version, the archive that of the host."""
    program(machine, "mmdebstrap")
    program(
        machine, "apt-config", "echo 'Acquire::Check-Date \"false\";'; echo 'Acquire::http \"\";'; exit 0"
    )
    monkeypatch.setattr(recipes, "_DPKG_OPTIONS", ("--dpkgopt=fast",))
    assert prepare(machine, Image("redis", "7.0.15"))[0] == (
        "mmdebstrap --variant=apt --include=redis-server,redis-sentinel --dpkgopt=fast"
        ' --aptopt=Acquire::Check-Date "false" bookworm root.tar http://archive.example/debian'
    )


def test_without_an_archive_of_its_own_mmdebstrap_knows_one(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Ubuntu no archive is named; without apt-config no option is taken over."""
    monkeypatch.setattr(recipes, "debian_mirror", lambda: "")
    program(machine, "mmdebstrap")
    assert prepare(machine, Image("jre", "21"))[0].endswith(" trixie root.tar")


def test_a_version_that_no_release_has_is_refused(machine: Path) -> None:
    """Nothing is fetched for a Redis that Debian has not."""
    with pytest.raises(NoRecipe, match=r"no Debian release we know has redis 7\.2\.5"):
        prepare(machine, Image("redis", "7.2.5"))


@pytest.mark.parametrize(("version", "profile"), [("4.3.1", "log4j2"), ("3.9.1", "reload4j")])
def test_kafka_comes_with_what_it_logs_with(version: str, profile: str, machine: Path) -> None:
    """Brokers before 4.0 name classes of log4j 1."""
    program(machine, "mvn")
    assert prepare(machine, Image("kafka", version))[0] == (
        f"mvn -B -q -Dkafka.version={version} -P {profile}"
        " dependency:copy-dependencies -DoutputDirectory=libs"
    )


def test_what_a_tool_says_is_in_the_error(machine: Path) -> None:
    """The last lines of a failed build are quoted, without colours."""
    program(machine, "mvn", "printf '\\033[1mCould not find artifact\\033[m\\n'; exit 1")
    with pytest.raises(StepFailed, match=r"(?s)kafka 9\.9\.9.* ended with 1\n    Could not find artifact$"):
        prepare(machine, Image("kafka", "9.9.9"))


def test_a_missing_tool_is_named(machine: Path) -> None:
    """Where nothing may be installed, the error says what to run."""
    with pytest.raises(
        ToolMissing, match=r"mvn is missing; have it by `apt-get update && apt-get install .* maven`"
    ):
        prepare(machine, Image("kafka", "4.3.1"))


def test_a_missing_tool_that_cannot_be_installed_is_named(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be installed, the error says why too."""
    monkeypatch.setattr(packages, "obstacle", lambda: "only root may install packages")
    with pytest.raises(ToolMissing, match=r"mvn is missing.*\(only root may install packages\)"):
        prepare(machine, Image("kafka", "4.3.1"), install=True)


def test_a_missing_tool_is_installed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it may be, the tool is installed and then used."""
    monkeypatch.setattr(packages, "obstacle", lambda: "")
    monkeypatch.setattr(
        packages, "install", lambda names, _: program(machine, names[0].replace("maven", "mvn"))
    )
    assert prepare(machine, Image("kafka", "4.3.1"), install=True)[0].startswith("mvn ")


def test_a_tool_that_an_installation_does_not_bring_is_named(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installation that went well and brought nothing is not believed."""
    monkeypatch.setattr(packages, "obstacle", lambda: "")
    monkeypatch.setattr(packages, "install", lambda *_: None)
    with pytest.raises(ToolMissing, match="installed, and still not found"):
        Tool("nobody-has-this", ("nothing",)).path(lambda _: None, install=True)


def test_an_installation_that_fails_is_quoted(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words of apt are in the error."""

    def failing(names: tuple[str, ...], say: object) -> None:
        raise StepFailed(Step("installing", ["apt-get"]), "ended with 100", "E: no network")

    monkeypatch.setattr(packages, "obstacle", lambda: "")
    monkeypatch.setattr(packages, "install", failing)
    with pytest.raises(ToolMissing, match="E: no network"):
        Tool("nobody-has-this", ("nothing",)).path(lambda _: None, install=True)


def test_a_folder_without_a_recipe_is_refused(tmp_path: Path) -> None:
    """A folder that says nothing of how to build is an error, not an empty image."""
    build = Build(Image("mesh", "1"), catalogue().entry("mesh"), tmp_path, lambda _: None, install=False)
    with pytest.raises(NoRecipe, match="there is no recipe for mesh"):
        build.prepare()


def test_a_step_that_takes_too_long_is_ended() -> None:
    """A program that hangs is ended at the deadline, and the error says so."""
    step = Step("hanging", ["sh", "-c", "echo waiting; exec sleep 30"], seconds=0.2)
    with pytest.raises(StepFailed, match=r"(?s)hanging: .* was ended after 0\.2 s\n    waiting"):
        step.run(lambda _: None)


def test_a_long_step_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who waits is told that something happens."""
    monkeypatch.setattr("harness.engine.steps._SAY_EVERY", 0.01)
    said: list[str] = []
    Step("waiting", ["sh", "-c", "sleep 0.1"], env={"A": os.devnull}).run(said.append)
    assert said
    assert all(line == "waiting: 0 s so far" for line in said)

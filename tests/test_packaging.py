"""What is in the wheel, what the CI runs, and what must never be in the repository."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

MEGABYTE = 1_000_000

PUBLIC_HOSTS = frozenset(
    {
        *("pypi.org", "files.pythonhosted.org", "proxy.golang.org", "sum.golang.org", "repo1.maven.org"),
        *("repo.maven.apache.org", "registry.npmjs.org", "deb.debian.org", "security.debian.org"),
        *("archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com", "github.com", "docker.io"),
        *("download.docker.com", "crates.io", "static.crates.io", "index.crates.io", "localhost"),
    }
)
"""What anybody's configuration may name, and so may we."""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    builder = WheelBuilder(str(ROOT))
    return Path(next(iter(builder.build(directory=str(tmp_path_factory.mktemp("wheel"))))))


def names(wheel: Path) -> list[str]:
    """The files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def below(folder: str) -> set[str]:
    """The files below a folder of the checkout: what is in the repository, or would be after ``git add``."""
    listed = repository_files("--cached", "--others", "--exclude-standard")
    return {path for path in listed if path.startswith(f"{folder}/")}


@cache
def repository_files(*which: str) -> tuple[str, ...]:
    """What is in the repository; ``which`` are options of git's that widen it."""
    command = ["git", "ls-files", *which]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout to know what belongs to the repository")
    return tuple(name for name in listing.stdout.splitlines() if (ROOT / name).is_file())


@pytest.mark.parametrize("folder", ["suites", "containers"])
def test_the_wheel_has_all_of_a_folder_and_nothing_else(wheel: Path, folder: str) -> None:
    """The scenarios and the image recipes travel; what a build left beside them does not."""
    inside = {name.removeprefix("harness/") for name in names(wheel) if name.startswith(f"harness/{folder}/")}
    assert inside == below(folder)


def test_the_wheel_has_the_package_and_its_types(wheel: Path) -> None:
    """Every module, and the marker that says it is typed."""
    assert below("harness") <= set(names(wheel))
    assert "harness/py.typed" in names(wheel)


def test_the_wheel_has_nothing_of_the_checkout_alone(wheel: Path) -> None:
    """No tests, no byte code, no runs, no container images."""
    tops = {name.split("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"harness"}
    assert [name for name in names(wheel) if name.endswith((".pyc", ".tar", ".jar", ".so"))] == []
    assert wheel.stat().st_size < 2 * MEGABYTE


def test_the_wheel_says_what_it_offers(wheel: Path) -> None:
    """The command, the plugin, the licence and the extras are in its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        entries, metadata, licence = (
            next(name for name in archive.namelist() if name.endswith(end))
            for end in ("/entry_points.txt", "/METADATA", "/LICENSE")
        )
        points = configparser.ConfigParser()
        points.read_string(archive.read(entries).decode())
        assert points["console_scripts"]["harness"] == "harness.cli:main"
        assert points["pytest11"]["harness"] == "harness.pytest_plugin"
        text = archive.read(metadata).decode()
        assert {f"Provides-Extra: {extra}" for extra in ("all", "kafka", "nats", "redis")} <= set(
            text.splitlines()
        )
        assert "TERMS AND CONDITIONS FOR USE" in archive.read(licence).decode()


def test_the_scenarios_are_collected_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """``pytest --pyargs harness.suites`` finds as many as there are in the checkout, without our settings."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    options = ("--collect-only", "-q", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", *options, "--pyargs", "harness.suites"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    modules = {
        line.split("::")[0].rpartition("suites/")[2] for line in done.stdout.splitlines() if "::" in line
    }
    assert modules == {
        name.removeprefix("suites/") for name in below("suites") if re.search(r"/test_\w+\.py$", name)
    }


def test_the_ci_runs_every_tested_version() -> None:
    """The integration matrix of the workflow is what ``containers/versions.toml`` lists."""
    versions = tomllib.loads((ROOT / "containers/versions.toml").read_text(encoding="utf-8"))
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    tested = {
        f"{backend}@{version}"
        for backend in ("nats", "kafka", "redis")
        for version in versions[backend]["versions"]
    }
    assert set(re.findall(r"- ((?:nats|kafka|redis)@[\w.]+)", workflow)) == tested


def test_the_ci_runs_every_supported_python() -> None:
    """The classifiers, the lower bound and the workflow's matrix name the same versions."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: \[(.*)\]", workflow)
    assert matrix
    classified = {
        name.rpartition(" ")[2]
        for name in PYPROJECT["project"]["classifiers"]
        if re.search(r"Python :: 3\.\d+$", name)
    }
    assert set(re.findall(r"\d\.\d+", matrix[1])) == classified
    assert PYPROJECT["project"]["requires-python"] == f">={min(classified, key=lambda name: int(name[2:]))}"


def test_every_action_is_pinned_to_a_commit() -> None:
    """A tag can be moved to other code, a commit cannot."""
    workflows = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yml"))
    uses = re.findall(r"uses: (\S+)", workflows)
    assert uses
    assert [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)] == []


def private_words() -> Iterator[str]:
    """What only this machine knows: where the checkout lies, who works here, where packages come from."""
    yield f"{ROOT}/"
    if Path.home() != Path("/root"):
        yield f"{Path.home()}/"
    yield from private_hosts()


def private_hosts() -> set[str]:
    """The hosts that this machine's package managers are told to use, but for the public ones."""
    configured = [
        *(
            value
            for name, value in os.environ.items()
            if re.search(r"INDEX|PROXY|REGISTRY|MIRROR|FIND_LINKS", name)
        ),
        *(path.read_text(encoding="utf-8", errors="replace") for path in configuration_files()),
    ]
    hosts = {
        urlsplit(url).hostname for text in configured for url in re.findall(r"https?://[^\s\"'<>,|]+", text)
    }
    return {
        host
        for host in hosts
        if host and not any(host == known or host.endswith(f".{known}") for known in PUBLIC_HOSTS)
    }


def configuration_files() -> Iterator[Path]:
    """The settings of pip, uv, npm, cargo, Maven, Go and apt, as far as there are any."""
    home = Path.home()
    candidates = [
        *(home / name for name in (".pip/pip.conf", ".config/pip/pip.conf", ".config/uv/uv.toml", ".npmrc")),
        *(home / name for name in (".cargo/config.toml", ".m2/settings.xml", ".config/go/env")),
        *map(Path, ("/etc/pip.conf", "/etc/npmrc", "/etc/apt/sources.list", "/etc/docker/daemon.json")),
        *Path("/etc/apt/sources.list.d").glob("*"),
    ]
    return (path for path in candidates if path.is_file() and os.access(path, os.R_OK))


def test_nothing_names_this_machine() -> None:
    """Neither its directories nor its package sources: what is here works elsewhere."""
    words = tuple(private_words())
    found = [
        f"{name} names {word}"
        for name in repository_files()
        for text in [(ROOT / name).read_bytes().decode("utf-8", errors="replace")]
        for word in words
        if word in text
    ]
    assert found == []


def test_nothing_is_in_the_repository_that_is_made() -> None:
    """Images, archives and what a run leaves are built where they are needed."""
    made = [
        name for name in repository_files() if re.search(r"\.(tar|tar\.gz|tgz|jar|pyc|img|log|whl)$", name)
    ]
    assert made == []
    assert [name for name in repository_files() if (ROOT / name).stat().st_size > MEGABYTE] == []

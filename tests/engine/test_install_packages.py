"""Installing packages: apt is asked as a script has to, and another's lock is waited for."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from harness.engine import packages
from harness.engine.steps import StepFailed


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with an apt-get that logs its calls and runs ``script``, root's, on Debian."""
    program = tmp_path / "apt-get"
    program.write_text(
        f'#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>{tmp_path}/calls\n'
        f"[ ! -e {tmp_path}/script ] || . {tmp_path}/script\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid)
    monkeypatch.setattr(packages, "_RETRY_SECONDS", 0.01)
    packages._update.cache_clear()
    return tmp_path


def calls(apt: Path) -> list[str]:
    """Return the subcommand and packages of each call."""
    return [line.rpartition("Lock::Timeout=300 ")[2] for line in (apt / "calls").read_text().splitlines()]


def silent(_: str) -> None:
    """Take a line of progress and leave it."""


def test_the_lists_are_fetched_once_before(apt: Path) -> None:
    """A fresh machine has no package lists; a second installation has them."""
    packages.install(["docker.io", "runc"], silent)
    packages.install(["maven"], silent)
    assert calls(apt) == ["update", "install docker.io runc", "install maven"]


def test_nothing_is_ever_asked(apt: Path) -> None:
    """It runs without a person to answer it."""
    packages.install(["maven"], silent)
    assert all(line.startswith("noninteractive -q -y ") for line in (apt / "calls").read_text().splitlines())


def test_the_lock_of_another_is_waited_for(apt: Path) -> None:
    """apt-get update does not wait by itself while another process holds the lock of the lists."""
    (apt / "script").write_text(
        f'[ -e {apt}/tried ] || {{ touch {apt}/tried; echo "E: Could not get lock /x" >&2; exit 100; }}\n'
    )
    said: list[str] = []
    packages.install(["maven"], said.append)
    assert calls(apt) == ["update", "update", "install maven"]
    assert "apt-get update: another process holds apt's lock" in said


def test_the_lock_of_another_is_not_waited_for_for_ever(apt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the deadline apt's own words are the error."""
    monkeypatch.setattr(packages, "_LOCK_SECONDS", -1.0)
    (apt / "script").write_text('echo "E: Could not get lock /x" >&2; exit 100\n')
    with pytest.raises(StepFailed, match="Could not get lock /x"):
        packages.install(["maven"], silent)


def test_a_source_that_fails_may_not_be_the_one_needed(apt: Path) -> None:
    """One source out of reach does not keep a package of another from being installed."""
    (apt / "script").write_text('case "$*" in *update*) echo "E: Failed to fetch" >&2; exit 100;; esac\n')
    said: list[str] = []
    packages.install(["maven"], said.append)
    assert any("E: Failed to fetch" in line for line in said)
    assert calls(apt) == ["update", "install maven"]


def test_a_package_that_is_not_there_is_an_error(apt: Path) -> None:
    """The error names what was to be installed, and quotes apt."""
    (apt / "script").write_text('case "$*" in *install*) echo "E: no such package" >&2; exit 100;; esac\n')
    with pytest.raises(StepFailed, match=r"(?s)installing maven: .* ended with 100.*no such package"):
        packages.install(["maven"], silent)


@pytest.mark.parametrize(
    ("release", "uid", "obstacle"),
    [
        ({"ID": "debian"}, 0, ""),
        ({"ID": "ubuntu", "ID_LIKE": "debian"}, 0, ""),
        ({"ID": "fedora"}, 0, "this is neither Debian nor Ubuntu"),
        ({"ID": "debian"}, 1000, "only root may install packages"),
    ],
    ids=["debian", "ubuntu", "fedora", "user"],
)
def test_where_packages_can_be_installed(
    release: dict[str, str], uid: int, obstacle: str, apt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, on Debian and what is made from it; elsewhere the reason is told."""
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    assert packages.obstacle() == obstacle

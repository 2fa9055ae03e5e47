"""Where Debian packages come from: read off the host's apt sources, in both of their formats."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from harness.engine.mirror import Source, debian_mirror, sources

DEB822 = """\
# the archive of this machine
Types: deb deb-src
URIs: http://archive.example/debian/
Suites: bookworm
  bookworm-updates
# a comment between
Components: main contrib
Signed-By: /usr/share/keyrings/x.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/node
Suites: nodistro
Components: main
"""

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb-src http://sources.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb [ signed-by=/x.gpg arch=amd64 ] http://archive.example/debian bookworm main contrib # ours
deb [arch=amd64] http://second.example/debian bookworm main
deb incomplete
"""


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty /etc/apt of a bookworm."""
    (tmp_path / "sources.list.d").mkdir()
    monkeypatch.setattr(
        platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"}
    )
    return tmp_path


def test_deb822_is_read(etc: Path) -> None:
    """Stanzas with several suites are read; disabled ones and comments are not."""
    (etc / "sources.list.d/debian.sources").write_text(DEB822)
    assert list(sources(etc)) == [
        Source("http://archive.example/debian", "bookworm", ("main", "contrib")),
        Source("http://archive.example/debian", "bookworm-updates", ("main", "contrib")),
        Source("http://other.example/node", "nodistro", ("main",)),
    ]


def test_one_line_sources_are_read(etc: Path) -> None:
    """Options in brackets are passed over; comments, sources of source and broken lines too."""
    (etc / "sources.list").write_text(ONE_LINE)
    assert list(sources(etc)) == [
        Source("http://security.example/debian-security", "bookworm-security", ("main",)),
        Source("http://archive.example/debian", "bookworm", ("main", "contrib")),
        Source("http://second.example/debian", "bookworm", ("main",)),
    ]


def test_files_that_apt_ignores_are_ignored(etc: Path) -> None:
    """Only files named .list and .sources count, as for apt."""
    (etc / "sources.list.d/debian.sources.disabled").write_text(DEB822)
    assert list(sources(etc)) == []


def test_the_mirror_is_that_of_the_release(etc: Path) -> None:
    """Archives of updates, of security and of third parties have not all of Debian."""
    (etc / "sources.list").write_text(ONE_LINE)
    assert debian_mirror(etc) == "http://archive.example/debian"


def test_a_list_of_mirrors_is_resolved(etc: Path) -> None:
    """Cloud images name a file with the archive in it."""
    (etc / "mirrors").write_text("http://cloud.example/debian/\nhttp://second.example/debian\n")
    (etc / "sources.list").write_text(f"deb mirror+file://{etc}/mirrors bookworm main\n")
    assert debian_mirror(etc) == "http://cloud.example/debian"


def test_other_distributions_have_no_debian_mirror(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ubuntu's archive has no Debian in it."""
    (etc / "sources.list").write_text("deb http://archive.example/ubuntu noble main\n")
    monkeypatch.setattr(
        platform, "freedesktop_os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"}
    )
    assert debian_mirror(etc) == ""

"""Where this machine gets its Debian packages from, as its own apt sources say."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Source(NamedTuple):
    """One archive and suite of an apt source."""

    uri: str
    suite: str
    components: tuple[str, ...]


def debian_mirror(etc: Path = Path("/etc/apt")) -> str:
    """Return the archive that this Debian's own release comes from, empty if there is none.

    Other distributions have no archive of Debian; mmdebstrap then takes its own default.
    """
    with suppress(OSError):
        release = platform.freedesktop_os_release()
        if release.get("ID") != "debian":
            return ""
        for source in sources(etc):
            if source.suite == release.get("VERSION_CODENAME") and "main" in source.components:
                return _direct(source.uri)
    return ""


def sources(etc: Path = Path("/etc/apt")) -> Iterator[Source]:
    """Read every binary source, in the one-line format (``.list``) and in deb822 (``.sources``)."""
    parts = sorted((etc / "sources.list.d").glob("*"))
    for path in (etc / "sources.list", *parts):
        if not path.is_file():
            continue
        lines = [line for line in path.read_text(errors="replace").splitlines() if not line.startswith("#")]
        if path.suffix == ".sources":
            yield from _stanzas(lines)
        elif path.suffix == ".list":
            yield from _one_liners(lines)


def _one_liners(lines: list[str]) -> Iterator[Source]:
    for line in lines:
        words = line.split("#")[0].split()
        if not words or words[0] != "deb":
            continue
        if len(words) > 1 and words[1].startswith("["):
            end = next((place for place, word in enumerate(words) if word.endswith("]")), len(words))
            words[1 : end + 1] = []
        if len(words) > 2:  # noqa: PLR2004 - "deb", an archive and a suite
            yield Source(words[1].rstrip("/"), words[2], tuple(words[3:]))


def _stanzas(lines: list[str]) -> Iterator[Source]:
    fields: dict[str, list[str]] = {}
    key = ""
    for line in [*lines, ""]:
        if not line.strip():
            yield from _stanza(fields)
            fields, key = {}, ""
        elif line[0].isspace() and key:
            fields[key] += line.split()
        else:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.split()


def _stanza(fields: dict[str, list[str]]) -> Iterator[Source]:
    if "deb" not in fields.get("types", []) or fields.get("enabled") == ["no"]:
        return
    for uri in fields.get("uris", []):
        for suite in fields.get("suites", []):
            yield Source(uri.rstrip("/"), suite, tuple(fields.get("components", [])))


def _direct(uri: str) -> str:
    """Return the first archive of a list of archives, which cloud images name instead of one."""
    scheme, _, path = uri.partition(":")
    if scheme != "mirror+file":
        return uri
    listed = Path("/" + path.lstrip("/")).read_text().split()
    return listed[0].rstrip("/") if listed else ""

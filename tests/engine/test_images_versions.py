"""What there is to run: the catalogue, and how users name a backend and its version."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engine import versions
from harness.engine.versions import Catalogue, Image, Kind, catalogue, parse_backend
from harness.model.errors import BadOption, UnknownName


def test_the_first_version_is_the_default() -> None:
    """A backend without a version is the one tested most."""
    assert parse_backend("nats") == ("nats", catalogue().entry("nats").versions[0])


@pytest.mark.parametrize("version", ["2.10.22", "2.10.20", "2.15.0-RC.1"])
def test_any_release_is_taken(version: str) -> None:
    """A bug is found between releases, so a version need not be among the tested ones."""
    assert parse_backend(f"nats@{version}") == ("nats", version)


def test_an_untested_version_is_warned_of() -> None:
    """What nobody tests is told to be so, and nothing is told of what is tested."""
    assert "nats 2.10.20 is not among the tested versions (2.15.2, " in catalogue().untested(
        "nats", "2.10.20"
    )
    assert catalogue().untested("nats", "2.10.22") == ""


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nats@v2.10.22", "did you mean nats@2.10.22?"),
        ("nats@2.10", "did you mean nats@2.10.27?"),
        ("nats@", "needed is a full version such as 2.15.2"),
        ("redis@latest", "needed is a full version such as 8.0.2"),
        ("kafka@4.3.1/../x", "needed is a full version"),
        ("memory@2.0.0", "needed is 1 or none"),
    ],
)
def test_nonsense_is_refused(text: str, hint: str) -> None:
    """What cannot be a version is refused before anything starts, with what was probably meant."""
    with pytest.raises(BadOption) as caught:
        parse_backend(text)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "hint"), [("nat", "did you mean 'nats'?"), ("toxiproxy", "(known: kafka, ")]
)
def test_what_is_no_backend_is_refused(name: str, hint: str) -> None:
    """A misspelt name is refused with the nearest one; a part of a cluster is no backend."""
    with pytest.raises(UnknownName) as caught:
        parse_backend(name)
    assert hint in str(caught.value)


def test_a_backend_may_need_no_image() -> None:
    """The reference model runs in the process, and another package's backend brings its own."""
    assert catalogue().image("nats", "2.15.2") == Image("nats", "2.15.2")
    assert catalogue().image("memory", "1") is None
    assert catalogue().image("somebody-elses", "1") is None


def test_an_image_has_a_local_tag() -> None:
    """All images of ours are found under one prefix."""
    assert Image("nats", "2.10.22").tag == "broker-harness/nats:2.10.22"


@pytest.mark.parametrize("name", [name for kind in Kind for name in catalogue().names(kind)])
def test_every_entry_can_be_had(name: str) -> None:
    """Each image has a recipe's folder, a way for each tested version, and says what it has to have."""
    entry = catalogue().entry(name)
    if entry.image != name:
        return
    folder = versions.containers_directory() / name
    assert (folder / "Dockerfile").is_file()
    assert entry.relies_on
    ways = (entry.go, (folder / "pom.xml").is_file(), set(entry.versions) <= set(entry.suites))
    assert any(ways)


@pytest.mark.parametrize(
    ("table", "hint"),
    [
        ('kind = "broker"\nversions = ["1"]', "'broker' is not a valid Kind"),
        ('kind = "backend"\nversions = []', "versions has to list at least one"),
        ('kind = "backend"', "'versions'"),
        ('kind = "backend"\nversions = ["1"]\nofficially = "x"', "officially"),
    ],
    ids=["kind", "no version", "no versions", "key"],
)
def test_a_broken_catalogue_is_refused(table: str, hint: str, tmp_path: Path) -> None:
    """An entry that would be misread is refused, with the file and the entry in the error."""
    path = tmp_path / "versions.toml"
    path.write_text(f"[nats]\n{table}\n")
    with pytest.raises(BadOption) as caught:
        Catalogue(path)
    assert f"{path}: [nats]" in str(caught.value)
    assert hint in str(caught.value)


def test_recipes_are_found_in_a_wheel_and_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a wheel they are in the package, in a checkout beside it."""
    monkeypatch.setattr(versions, "__file__", str(tmp_path / "harness" / "engine" / "versions.py"))
    assert versions.containers_directory() == tmp_path / "containers"
    (tmp_path / "harness" / "containers").mkdir(parents=True)
    assert versions.containers_directory() == tmp_path / "harness" / "containers"

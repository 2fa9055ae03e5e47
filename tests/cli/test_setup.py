"""``harness setup``: what it has done, on stdout; what it is doing, on stderr."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from typer.testing import CliRunner

from harness.cli.app import build
from harness.engine import images, install
from harness.engine.images import How, Provided
from harness.engine.steps import Say
from harness.engine.versions import Image


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the engine and the images were asked for."""
    record: dict[str, Any] = {}

    def ensure_engine(say: Say, *, install: bool) -> SimpleNamespace:
        record["install engine"] = install
        say("starting dockerd")
        return SimpleNamespace(version=lambda: {"Version": "20.10.24"})

    def ensure_all(wanted: list[Image], say: Say, *, install: bool) -> list[Provided]:
        record["images"] = [str(image) for image in wanted]
        record["install tools"] = install
        return [Provided(image, How.BUILT if image.name == "nats" else How.PRESENT) for image in wanted]

    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    monkeypatch.setattr(install, "ensure_engine", ensure_engine)
    monkeypatch.setattr(images, "ensure_all", ensure_all)
    return record


def test_the_three_backends_are_the_default(asked: dict[str, Any], snapshot: SnapshotAssertion) -> None:
    """Without options it provides all that the matrix runs; progress is not among the data."""
    result = CliRunner().invoke(build(), ["setup"])
    assert result.exit_code == 0
    assert result.stdout == snapshot
    assert result.stderr == "starting dockerd\n"
    assert asked["install engine"]
    assert asked["install tools"]


def test_backends_are_chosen_by_name_and_version(asked: dict[str, Any]) -> None:
    """The parts every cluster needs come with them; what is untested is warned of."""
    result = CliRunner().invoke(build(), ["setup", "--backend", "nats@2.10.20", "--backend", "kafka"])
    assert asked["images"] == ["toxiproxy 2.12.0", "mesh 1", "nats 2.10.20", "kafka 4.3.1"]
    assert "warning: nats 2.10.20 is not among the tested versions" in result.stderr


def test_nothing_is_installed_when_that_is_forbidden(asked: dict[str, Any]) -> None:
    """--no-install goes for the engine and for build tools alike."""
    CliRunner().invoke(build(), ["setup", "--no-install"])
    assert not asked["install engine"]
    assert not asked["install tools"]


def test_a_program_reads_one_document(asked: dict[str, Any]) -> None:
    """With --json stdout is one document with the version of its format."""
    result = CliRunner().invoke(build(), ["setup", "--json", "--backend", "nats"])
    document = json.loads(result.stdout)
    assert document["format_version"] == 1
    assert document["engine"] == {"version": "20.10.24", "url": "unix:///var/run/docker.sock"}
    assert document["images"][-1] == {
        "name": "nats",
        "version": "2.15.2",
        "tag": "broker-harness/nats:2.15.2",
        "how": "built",
    }

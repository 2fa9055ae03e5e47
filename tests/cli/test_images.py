"""``harness images``: every image of the tested versions, with an engine and without."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion
from typer.testing import CliRunner

from harness.cli.app import build
from harness.engine import discovery, images
from harness.engine.versions import Image
from harness.model.errors import EngineUnavailable


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine answer that has NATS only."""
    monkeypatch.setattr(discovery, "connect", lambda: None)
    monkeypatch.setattr(images, "image_id", lambda _, image: "id" if image.name == "nats" else "")


@pytest.mark.usefixtures("engine")
def test_every_image_is_listed(snapshot: SnapshotAssertion) -> None:
    """Each has a line with its tag; a backend on another's image has none of its own."""
    result = CliRunner().invoke(build(), ["images"])
    assert result.exit_code == 0
    assert result.stdout == snapshot


@pytest.mark.usefixtures("engine")
def test_a_program_reads_one_document() -> None:
    """With --json stdout is one document."""
    document = json.loads(CliRunner().invoke(build(), ["images", "--json"]).stdout)
    assert document["images"][0] == {
        "name": "nats",
        "version": "2.15.2",
        "tag": Image("nats", "2.15.2").tag,
        "state": "here",
    }


def test_without_an_engine_the_list_is_still_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be run does not depend on an engine; whether it is here is unknown then."""

    def none() -> None:
        raise EngineUnavailable(["unix:///x: no socket there"], "run `harness setup`")

    monkeypatch.setattr(discovery, "connect", none)
    result = CliRunner().invoke(build(), ["images"])
    assert result.exit_code == 0
    assert "unknown  broker-harness/nats:2.15.2" in result.stdout
    assert "no socket there" in result.stderr

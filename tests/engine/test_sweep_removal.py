"""What an engine answers is understood, and what it refuses for a good reason is no error."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from docker.errors import APIError, NotFound

from harness.engine import removal
from harness.engine.removal import EngineRemover
from harness.engine.sweep import Kind, Thing

LABELS = {"broker-harness.owner": "r1", "broker-harness.cluster": "c1"}
CREATED = 1_795_776_939.0
STAMP = "2026-11-27T10:55:39.123456789Z"


class ScriptedEngine:
    """The part of docker-py's low-level client that is used; ``refusal`` is raised by every removal."""

    def __init__(self) -> None:
        self.api = self
        self.calls: list[tuple[str, str]] = []
        self.filters: list[dict[str, Any]] = []
        self.refusal: Exception | None = None

    def containers(self, *, all: bool, filters: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: A002 - docker-py's
        assert all, "stopped containers are left over too"
        self.filters.append(filters)
        names = {"Id": "1b", "Names": ["/bh-c1-n1"], "Created": int(CREATED), "State": "paused"}
        return [{**names, "Labels": LABELS | {"broker-harness.expires": "1800000000"}}]

    def networks(self, *, filters: dict[str, Any]) -> list[dict[str, Any]]:
        self.filters.append(filters)
        return [{"Id": "2c", "Name": "bh-c1", "Created": STAMP, "Labels": LABELS}]

    def volumes(self, *, filters: dict[str, Any]) -> dict[str, Any]:
        self.filters.append(filters)
        return {"Volumes": [{"Name": "bh-c1-n1", "CreatedAt": "2026-11-27T10:55:39Z", "Labels": LABELS}]}

    def remove_container(self, container: str, *, v: bool, force: bool) -> None:
        assert v, "its anonymous volumes would be left over"
        assert force, "it may be running"
        self._called("container", container)

    def remove_network(self, network: str) -> None:
        self._called("network", network)

    def remove_volume(self, volume: str, *, force: bool) -> None:
        self._called(f"volume, force {force}", volume)

    def unpause(self, container: str) -> None:
        self._called("unpause", container)

    def _called(self, what: str, which: str) -> None:
        self.calls.append((what, which))
        if self.refusal:
            raise self.refusal


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """An engine that answers by script."""
    engine = ScriptedEngine()
    monkeypatch.setattr(removal, "connect", lambda: engine)
    return engine


def refused(status: int, message: str) -> APIError:
    """The error docker-py makes of an answer."""
    response = requests.Response()
    response.status_code = status
    return APIError(message, response=response, explanation=message)


def test_what_the_engine_lists_is_read_from_its_labels(engine: ScriptedEngine) -> None:
    """Containers, networks and volumes alike, with owner, cluster, age and expiry."""
    container, network, volume = EngineRemover().find()
    assert container == Thing(
        Kind.CONTAINER, "1b", "bh-c1-n1", "r1", "c1", CREATED, 1_800_000_000.0, paused=True
    )
    assert network == Thing(Kind.NETWORK, "2c", "bh-c1", "r1", "c1", network.created)
    assert network.created == pytest.approx(CREATED, abs=1)
    assert volume == Thing(Kind.VOLUME, "bh-c1-n1", "bh-c1-n1", "r1", "c1", CREATED)


@pytest.mark.parametrize(
    ("wanted", "labels"),
    [
        ({}, ["broker-harness.owner"]),
        ({"owner": "r1"}, ["broker-harness.owner=r1"]),
        ({"cluster": "c1"}, ["broker-harness.owner", "broker-harness.cluster=c1"]),
    ],
    ids=["all", "owner", "cluster"],
)
def test_the_engine_is_asked_for_no_more_than_wanted(
    engine: ScriptedEngine, wanted: dict[str, str], labels: list[str]
) -> None:
    """What carries no label of ours is never even listed."""
    EngineRemover().find(**wanted)
    assert engine.filters == [{"label": labels}] * 3


def test_what_is_paused_is_unpaused_first(engine: ScriptedEngine) -> None:
    """Some engines cannot kill what is frozen."""
    remover = EngineRemover()
    for thing in remover.find():
        remover.remove(thing)
    assert engine.calls == [
        ("unpause", "1b"),
        ("container", "1b"),
        ("network", "2c"),
        ("volume, force True", "bh-c1-n1"),
    ]


@pytest.mark.parametrize(
    "refusal",
    [
        NotFound("no such container"),
        refused(409, "removal of container 1b is already in progress"),
        refused(500, "Container 1b is not paused"),
    ],
    ids=["gone", "going", "not paused"],
)
def test_what_is_gone_or_going_is_no_error(engine: ScriptedEngine, refusal: Exception) -> None:
    """Another sweep, or the owner itself, was faster."""
    engine.refusal = refusal
    remover = EngineRemover()
    remover.remove(remover.find()[0])
    assert [what for what, _ in engine.calls] == ["unpause", "container"]


@pytest.mark.parametrize(
    "refusal",
    [refused(409, "network has active endpoints"), refused(500, "device or resource busy")],
    ids=["in use", "busy"],
)
def test_a_refusal_that_may_pass_is_told(engine: ScriptedEngine, refusal: Exception) -> None:
    """So that the sweep asks again, and names it when its deadline has come."""
    engine.refusal = refusal
    remover = EngineRemover()
    with pytest.raises(APIError):
        remover.remove(remover.find()[1])


def test_an_expiry_that_is_no_number_is_none(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody said when it may go, so it stays."""
    monkeypatch.setitem(LABELS, "broker-harness.expires", "tomorrow")
    _, network, _ = EngineRemover().find()
    assert network.expires is None

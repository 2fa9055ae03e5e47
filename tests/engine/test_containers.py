"""How one container is started: on this machine's own address, labelled, with what the plan says."""

from __future__ import annotations

from typing import Any, Self, cast

import pytest
import testcontainers.core.container

from harness.engine import containers
from harness.engine.containers import ContainerPlan, published_ports, start_container


class Told:
    """In the place of testcontainers' container: remembers what it was given."""

    made: list[Told]

    def __init__(self, image: str) -> None:
        self.image = image
        self.ports: dict[str, Any] = {}
        self.env: dict[str, str] = {}
        self.volumes: dict[str, tuple[str, str]] = {}
        self.options: dict[str, Any] = {}
        self.started = False
        Told.made.append(self)

    def with_name(self, name: str) -> Self:
        self.name = name
        return self

    def with_command(self, command: list[str]) -> Self:
        self.command = command
        return self

    def with_volume_mapping(self, volume: str, path: str, mode: str) -> Self:
        self.volumes[volume] = (path, mode)
        return self

    def with_kwargs(self, **options: Any) -> Self:
        self.options = options
        return self

    def start(self) -> Self:
        self.started = True
        return self

    def get_wrapped_container(self) -> Told:
        return self


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    Told.made = []
    monkeypatch.setattr(containers, "connect", lambda: None)
    monkeypatch.setattr(testcontainers.core.container, "DockerContainer", Told)


def plan(**options: Any) -> ContainerPlan:
    """A container's plan."""
    given: dict[str, Any] = {
        "name": "bh-c4f1-n1",
        "image": "told:1",
        "command": ("/told", "--fast"),
        "labels": {"broker-harness.owner": "run-1"},
        "network": "bh-c4f1",
        "alias": "n1",
        **options,
    }
    return ContainerPlan(**given)


def started(**options: Any) -> Told:
    """Start it."""
    return cast("Told", start_container(plan(**options)))


def test_ports_are_published_on_this_machine_alone() -> None:
    """On any free port of 127.0.0.1: testcontainers' own way would bind every address."""
    assert started(ports=(8474, 20000)).ports == {
        "8474/tcp": ("127.0.0.1", None),
        "20000/tcp": ("127.0.0.1", None),
    }


def test_a_container_is_what_its_plan_says() -> None:
    """Its first word is the entry point, whatever the image has; labels and options are handed on."""
    made = started(
        environment={"A": "1"}, volumes={"bh-c4f1-n1": "/data"}, options={"cap_add": ["NET_ADMIN"]}
    )
    assert (made.image, made.name, made.command) == ("told:1", "bh-c4f1-n1", ["--fast"])
    assert (made.env, made.volumes) == ({"A": "1"}, {"bh-c4f1-n1": ("/data", "rw")})
    assert made.options["entrypoint"] == ["/told"]
    assert made.options["labels"] == {"broker-harness.owner": "run-1"}
    assert made.options["cap_add"] == ["NET_ADMIN"]
    assert made.started


def test_a_container_has_a_name_in_its_network() -> None:
    """By which its peers resolve it."""
    options = started().options
    assert (options["network"], options["hostname"]) == ("bh-c4f1", "n1")
    assert options["networking_config"]["bh-c4f1"]["Aliases"] == ["n1"]
    assert "network_mode" not in options


def test_a_container_can_join_anothers_namespace() -> None:
    """Then it has neither a network nor a host name of its own, which the engine would refuse."""
    options = started(network="container:77", alias="").options
    assert options["network_mode"] == "container:77"
    assert not {"network", "hostname", "networking_config"} & set(options)


def test_published_ports_are_read_from_the_engine() -> None:
    """A port that is exposed and not published has no address."""

    class Running:
        attrs: Any = None

        def reload(self) -> None:
            bound = [{"HostIp": "127.0.0.1", "HostPort": "32801"}]
            self.attrs = {"NetworkSettings": {"Ports": {"8474/tcp": bound, "9/tcp": None}}}

    assert published_ports(cast("Any", Running())) == {8474: ("127.0.0.1", 32801)}

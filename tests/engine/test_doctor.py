"""The doctor: what it says of a machine that has everything, nothing, or no image yet."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.engine import discovery, doctor, trial
from harness.engine.doctor import Finding, State, examine, lacks
from harness.model.errors import EngineUnavailable

IN_CONTAINERS = {"nft", "network namespaces", "netem", "ptrace"}


class Engine:
    """An engine with the images of ``tags``, whose containers answer probes as ``answers`` says."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.started: list[dict[str, Any]] = []
        self.removed: list[str] = []

    @property
    def containers(self) -> Engine:
        return self

    def version(self) -> dict[str, str]:
        return {"Version": "20.10.24"}

    def run(self, image: str, **options: Any) -> Container:
        self.started.append({"image": image, **options})
        return Container(self, f"c{len(self.started)}")


class Container:
    """A container of the engine above."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.id = name

    def exec_run(self, command: list[str]) -> SimpleNamespace:
        probe = next(probe for probe in trial.PROBES if probe.command == command[-1])
        code, output = self.engine.answers.get(probe.name, (0, b""))
        assert probe.joined == (self.id == "c2")
        return SimpleNamespace(exit_code=code, output=output)

    def remove(self, *, force: bool) -> None:
        assert force
        self.engine.removed.append(self.id)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return an engine that answers and has every image."""
    engine = Engine()
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    monkeypatch.setattr(discovery, "connect", lambda: engine)
    monkeypatch.setattr(doctor, "image_id", lambda *_: "sha256:1")
    return engine


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the findings about this machine itself the same on every machine."""
    fuse = tmp_path / "fuse"
    fuse.touch()
    original = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more: original(fuse if path == "/dev/fuse" else path, *more)
    )
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid or 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50 * 1024**3))


def of(findings: list[Finding], check: str) -> Finding:
    """Return the finding of one check."""
    return next(finding for finding in findings if finding.check == check)


def test_a_machine_that_has_everything(engine: Engine) -> None:
    """Nothing required is missing, and nothing that was started is left."""
    findings = list(examine())
    assert lacks(findings) == []
    assert {of(findings, check).state for check in IN_CONTAINERS} == {State.OK}
    assert of(findings, "engine").detail == "20.10.24 at unix:///var/run/docker.sock"
    assert engine.removed == ["c2", "c1"]


def test_it_tries_as_a_node_and_its_helper_run(engine: Engine) -> None:
    """One container has a namespace of its own, the other joins it; both go even if we are killed."""
    list(examine())
    owner, joiner = engine.started
    assert owner["network_mode"] == "none"
    assert joiner["network_mode"] == "container:c1"
    assert owner["auto_remove"]
    assert joiner["auto_remove"]
    assert owner["entrypoint"] == ["sleep", "30"]


def test_what_the_kernel_lacks_is_told_with_its_remedy(engine: Engine) -> None:
    """What less runs without is missing, and not required."""
    engine.answers["netem"] = (2, b"Error: Specified qdisc kind\n is unknown.\n")
    findings = list(examine())
    netem = of(findings, "netem")
    assert (netem.state, netem.detail) == (State.MISSING, "Error: Specified qdisc kind is unknown.")
    assert "sch_netem" in netem.remedy
    assert lacks(findings) == []


@pytest.mark.parametrize("probe", ["nft", "network namespaces"])
def test_what_nothing_runs_without_is_required(probe: str, engine: Engine) -> None:
    """Without cuts between nodes there is no harness."""
    engine.answers[probe] = (1, b"")
    findings = list(examine())
    assert lacks(findings) == [probe]
    assert "ended with 1" in of(findings, probe).detail


def test_without_an_engine_the_rest_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """What needs a container is unknown then, and the remedy is the engine's."""

    def none() -> None:
        raise EngineUnavailable(["unix:///x: no socket there"], "run `harness setup`")

    monkeypatch.setattr(discovery, "connect", none)
    findings = list(examine())
    assert lacks(findings) == ["engine"]
    assert of(findings, "engine").remedy == "run `harness setup`"
    assert "unix:///x: no socket there" in of(findings, "engine").detail
    assert {of(findings, check).state for check in IN_CONTAINERS} == {State.UNKNOWN}
    assert of(findings, "disk").state is State.OK


def test_without_images_nothing_is_tried_in_containers(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor builds nothing: images come with setup or with the first use."""
    monkeypatch.setattr(doctor, "image_id", lambda *_: "")
    findings = list(examine())
    assert engine.started == []
    assert {of(findings, check).state for check in IN_CONTAINERS} == {State.UNKNOWN}
    assert of(findings, "image mesh 1").remedy == "run `harness setup`"
    assert lacks(findings) == []


def test_a_full_disk_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images do not fit on a full disk."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1024**3))
    findings = list(examine())
    assert lacks(findings) == ["disk"]
    assert "1.0 GiB free" in of(findings, "disk").detail


@pytest.mark.parametrize(
    ("content", "state"),
    [
        ("MemTotal: 9 kB\nMemAvailable: 4194304 kB\n", State.OK),
        ("MemAvailable:  1024 kB\n", State.MISSING),
        ("MemTotal: 9 kB\n", State.UNKNOWN),
    ],
    ids=["enough", "too little", "not told"],
)
def test_memory(content: str, state: State, tmp_path: Path) -> None:
    """Available memory counts; a kernel that does not tell is no machine without memory."""
    (tmp_path / "meminfo").write_text(content)
    assert doctor._memory(tmp_path / "meminfo").state is state


def test_a_missing_client_is_told_with_its_extra(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client is missing for its backend alone."""
    original: Callable[[str], Any] = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "confluent_kafka" else original(name)
    )
    findings = list(examine())
    assert of(findings, "client kafka").remedy == "pip install 'broker-harness[kafka]'"
    assert of(findings, "client redis").state is State.OK
    assert lacks(findings) == []


def test_a_missing_fuse_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The device has to open, not only to be there."""

    def failing(path: str, *_: int) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "open", failing)
    assert doctor._fuse().detail == "/dev/fuse: Operation not permitted"


def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, losetup: str) -> Finding:
    """Try loop devices as root, with a losetup of ours."""
    for name, script in (("losetup", losetup), ("mkfs.ext4", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return doctor._loop()


def test_a_loop_device_is_attached_and_detached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried, and nothing stays attached."""
    log = tmp_path / "log"
    script = f'echo "$1" "$2" >>{log}; [ "$1" != --find ] || echo /dev/loop9'
    assert loop(tmp_path, monkeypatch, script).state is State.OK
    assert log.read_text().splitlines() == ["--find --show", "--detach /dev/loop9"]


def test_a_container_without_loop_devices_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What losetup says is in the finding."""
    finding = loop(tmp_path, monkeypatch, "echo 'cannot find an unused loop device' >&2; exit 1")
    assert finding.state is State.MISSING
    assert "cannot find an unused loop device" in finding.detail


def test_only_root_can_try_loop_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """For others it is unknown, which is not missing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert doctor._loop().state is State.UNKNOWN

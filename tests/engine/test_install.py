"""Having an engine: nothing is changed where one answers, and nothing without saying so first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.engine import discovery, install, packages, steps
from harness.engine.daemon import Daemon
from harness.engine.discovery import Refusal
from harness.model.errors import EngineUnavailable

NONE = (Refusal("unix:///var/run/docker.sock", "no socket there"),)


@dataclass
class Machine:
    """A machine without an engine; ``done`` is what was done to it, and said before."""

    refusals: tuple[Refusal, ...] = NONE
    dockerd: bool = False
    obstacle: str = ""
    done: list[str] = field(default_factory=list)
    client: Any = field(default_factory=object)

    def install(self, names: tuple[str, ...], say: steps.Say) -> None:
        self.done.append(f"install {' '.join(names)}")
        self.dockerd = True

    def start(self, answer: Callable[[], str], say: steps.Say) -> None:
        assert self.dockerd
        assert answer() == "unix:///var/run/docker.sock: no socket there"
        self.done.append("start dockerd")
        self.refusals = ()

    def say(self, line: str) -> None:
        self.done.append(f"say {line}")

    def connect(self) -> Any:
        assert self.refusals == ()
        return self.client


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine whose doings go to its record."""
    machine = Machine()
    monkeypatch.setattr(discovery, "refusals", lambda: machine.refusals)
    monkeypatch.setattr(discovery, "connect", machine.connect)
    monkeypatch.setattr(packages, "obstacle", lambda: machine.obstacle)
    monkeypatch.setattr(packages, "install", machine.install)
    monkeypatch.setattr(Daemon, "installed", lambda _: machine.dockerd)
    monkeypatch.setattr(Daemon, "start", lambda _, answer, say: machine.start(answer, say))
    monkeypatch.setattr(install, "_SYSTEMD", tmp_path / "no-systemd")
    return machine


def test_where_one_answers_nothing_is_done(machine: Machine) -> None:
    """An engine that answers is used as it is."""
    machine.refusals = ()
    assert install.ensure_engine(machine.say) is machine.client
    assert machine.done == []


def test_it_is_said_before_it_is_installed_and_started(machine: Machine) -> None:
    """On a bare machine dockerd is installed and started, and the user knows before."""
    assert install.ensure_engine(machine.say) is machine.client
    assert machine.done == [
        "say no container engine answers on this machine, so one is set up: Debian's docker.io",
        "install docker.io containerd runc iptables",
        "start dockerd",
    ]


def test_an_installed_dockerd_is_only_started(machine: Machine) -> None:
    """Nothing is installed where only the daemon does not run."""
    machine.dockerd = True
    install.ensure_engine(machine.say)
    assert [line for line in machine.done if not line.startswith("say")] == ["start dockerd"]


def test_where_systemd_rules_it_starts_the_daemon(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon of ours beside systemd's would fight with it over the socket."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\necho $* >{tmp_path}/asked\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(install, "_SYSTEMD", tmp_path)
    install.ensure_engine(machine.say)
    assert (tmp_path / "asked").read_text() == "start docker\n"


def test_systemd_that_fails_points_to_its_log(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What systemd says is in the error."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho 'Job for docker.service failed'; exit 1\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(install, "_SYSTEMD", tmp_path)
    with pytest.raises(EngineUnavailable, match=r"(?s)Job for docker.service failed.*journalctl -u docker"):
        install.ensure_engine(machine.say)


def test_it_is_not_installed_when_that_is_forbidden(machine: Machine) -> None:
    """With --no-install the error is the command to run."""
    with pytest.raises(EngineUnavailable, match=r"apt-get install .* docker.io .* leave --no-install out"):
        install.ensure_engine(machine.say, install=False)
    assert machine.done == []


def test_it_is_not_installed_where_it_cannot_be(machine: Machine) -> None:
    """Elsewhere the error says why, and what to run."""
    machine.obstacle = "only root may install packages"
    with pytest.raises(
        EngineUnavailable, match="hint: only root may install packages; start Docker or Podman"
    ):
        install.ensure_engine(machine.say)
    assert machine.done == []


def test_a_docker_host_of_the_users_is_theirs_to_start(machine: Machine) -> None:
    """A dockerd of ours would not answer at an address of the user's."""
    machine.refusals = (Refusal("unix:///home/me/engine.sock", "no socket there"),)
    with pytest.raises(EngineUnavailable, match="DOCKER_HOST points there"):
        install.ensure_engine(machine.say)
    assert machine.done == []


def test_apt_that_fails_is_quoted(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the packages cannot be had, apt's words are in the error."""

    def failing(names: tuple[str, ...], say: steps.Say) -> None:
        raise steps.StepFailed(steps.Step("installing", ["apt-get"]), "ended with 100", "E: no network")

    monkeypatch.setattr(packages, "install", failing)
    with pytest.raises(EngineUnavailable, match="E: no network"):
        install.ensure_engine(machine.say)

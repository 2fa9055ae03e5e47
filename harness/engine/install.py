"""Having an engine that answers: the one that is there, else one that we install and start."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.engine import discovery, packages, steps
from harness.engine.daemon import Daemon
from harness.engine.statedir import state_directory
from harness.model.errors import EngineUnavailable

if TYPE_CHECKING:
    import docker

PACKAGES = ("docker.io", "containerd", "runc", "iptables")
_DEFAULT = ("unix:///var/run/docker.sock", "unix:///run/docker.sock")
_SYSTEMD = Path("/run/systemd/system")


def ensure_engine(say: steps.Say, *, install: bool = True) -> docker.DockerClient:
    """Return a client of an engine that answers, installing and starting dockerd if there is none.

    It is installed only as root on Debian or Ubuntu, and only if ``install``; ``say`` is told before
    anything is changed. The dockerd that is started outlives this process.

    Raises ``EngineUnavailable`` with what to run by hand where we cannot or may not, or where it
    does not start; ``DeadlineExceeded`` if it starts and never answers.
    """
    if refusals := discovery.refusals():
        _refuse_unless_possible(refusals, install=install)
        with FileLock(state_directory() / "engine.lock"):
            if refusal := _refusal():
                _install_and_start(refusal, say)
    return discovery.connect()


def _refuse_unless_possible(refusals: tuple[discovery.Refusal, ...], *, install: bool) -> None:
    tried = tuple(map(str, refusals))
    if all(refusal.url not in _DEFAULT for refusal in refusals):
        raise EngineUnavailable(tried, "DOCKER_HOST points there: start that engine, or unset DOCKER_HOST")
    if not install:
        raise EngineUnavailable(tried, f"start an engine (`{_by_hand()}`), or leave --no-install out")
    if obstacle := packages.obstacle():
        raise EngineUnavailable(tried, f"{obstacle}; start Docker or Podman, on Debian as root: {_by_hand()}")


def _by_hand() -> str:
    return f"{packages.command(PACKAGES)} && dockerd &"


def _install_and_start(refusal: str, say: steps.Say) -> None:
    daemon = Daemon(log=state_directory() / "dockerd.log")
    say("no container engine answers on this machine, so one is set up: Debian's docker.io")
    if not daemon.installed():
        try:
            packages.install(PACKAGES, say)
        except steps.StepFailed as error:
            raise EngineUnavailable([refusal, str(error)], _by_hand()) from error
    if _SYSTEMD.is_dir():
        _start_by_systemd(say)
    daemon.start(_refusal, say)


def _start_by_systemd(say: steps.Say) -> None:
    say("starting docker.service")
    try:
        steps.Step("starting docker.service", ["systemctl", "start", "docker"]).run(say)
    except steps.StepFailed as error:
        raise EngineUnavailable([str(error)], "see `journalctl -u docker`") from error


def _refusal() -> str:
    return "; ".join(map(str, discovery.refusals()))

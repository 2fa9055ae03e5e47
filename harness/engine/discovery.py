"""Finding a container engine: only one that answers counts, a client binary proves nothing."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from harness.model.errors import BadOption, EngineUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import docker

_ASK_SECONDS = 5
_CALL_SECONDS = 60
_LOOPBACK = "127.0.0.1"
_REMEDY = "run `harness setup`, or start an engine and point DOCKER_HOST at it"


class Found(NamedTuple):
    """An engine that answered, and how it is addressed."""

    url: str
    client: docker.DockerClient


class Refusal(NamedTuple):
    """An address where no engine answered, and what was seen there."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{self.url}: {self.reason}"


_lock = threading.Lock()
_connected: dict[int, docker.DockerClient] = {}


def connect() -> docker.DockerClient:
    """Return this process's client of the engine, found on the first call; safe in threads.

    Also sets what testcontainers needs to use the same engine (see ``settle_environment``).

    Raises ``EngineUnavailable`` with every address tried if none answers, and ``BadOption`` if
    ``DOCKER_HOST`` names another machine.
    """
    with _lock:
        # A client's sockets must not be shared with a forked child.
        process = os.getpid()
        if process not in _connected:
            answer = find()
            if not isinstance(answer, Found):
                raise EngineUnavailable(map(str, answer), _REMEDY)
            settle_environment(answer.url)
            _connected.clear()
            _connected[process] = answer.client
        return _connected[process]


def find() -> Found | tuple[Refusal, ...]:
    """Ask each possible engine in turn: the first that answers, else why each did not."""
    seen = []
    for url in candidates():
        answer = _ask(url)
        if isinstance(answer, Found):
            return answer
        seen.append(answer)
    return tuple(seen)


def refusals() -> tuple[Refusal, ...]:
    """Why no engine answers, address by address; empty if one does."""
    answer = find()
    if not isinstance(answer, Found):
        return answer
    answer.client.close()
    return ()


def candidates() -> tuple[str, ...]:
    """Addresses where an engine may be: ``DOCKER_HOST`` alone if set, else the usual sockets.

    Raises ``BadOption`` if ``DOCKER_HOST`` is not on this machine: nodes publish their ports on
    the engine's loopback interface only.
    """
    if explicit := os.environ.get("DOCKER_HOST"):
        if not _is_here(explicit):
            raise BadOption("DOCKER_HOST", explicit, "the engine has to run on this machine")
        return (explicit,)
    return tuple(f"unix://{path}" for path in _sockets())


def settle_environment(url: str) -> None:
    """Make testcontainers use the engine at ``url`` the way the harness does.

    Ryuk is off because clusters outlive the process that started them, and a janitor of our own
    looks after them. The host is forced because in a container testcontainers answers a bridge
    address, where nothing of ours listens. testcontainers reads all of this when it is imported.
    """
    os.environ.update(
        DOCKER_HOST=url,
        TESTCONTAINERS_RYUK_DISABLED="true",
        TESTCONTAINERS_HOST_OVERRIDE=_LOOPBACK,
        TESTCONTAINERS_CONNECTION_MODE="docker_host",
    )
    if read := sys.modules.get("testcontainers.core.config"):
        settings = read.testcontainers_config
        settings.ryuk_disabled = True
        settings.tc_host_override = _LOOPBACK
        settings.connection_mode_override = read.ConnectionMode.docker_host


def _sockets() -> Iterator[Path]:
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}")
    yield Path("/var/run/docker.sock")
    yield runtime / "docker.sock"
    with suppress(RuntimeError):
        yield Path.home() / ".docker/run/docker.sock"
    yield Path("/run/podman/podman.sock")
    yield runtime / "podman/podman.sock"


def _is_here(url: str) -> bool:
    address = urlsplit(url if "://" in url else f"tcp://{url}")
    if address.scheme == "unix":
        return True
    host = address.hostname or ""
    try:
        return address.scheme != "ssh" and (host == "localhost" or ipaddress.ip_address(host).is_loopback)
    except ValueError:
        return False


def _ask(url: str) -> Found | Refusal:
    if refusal := _socket_refusal(url):
        return Refusal(url, refusal)
    import docker  # noqa: PLC0415 - 90 ms that only those who need an engine pay
    from docker.errors import DockerException  # noqa: PLC0415
    from docker.utils import kwargs_from_env  # noqa: PLC0415

    options = kwargs_from_env() | {"base_url": url}
    try:
        client = docker.DockerClient(**options, version="auto", timeout=_ASK_SECONDS, max_pool_size=32)
    except (DockerException, OSError) as error:
        return Refusal(url, f"no answer: {error}")
    client.api.timeout = _CALL_SECONDS
    return Found(url, client)


def _socket_refusal(url: str) -> str:
    if not url.startswith("unix://"):
        return ""
    # Tried before the client tries it, whose own errors here are long and leave a socket open.
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_ASK_SECONDS)
        try:
            probe.connect(url.removeprefix("unix://"))
        except FileNotFoundError:
            return "no socket there"
        except ConnectionRefusedError:
            return "nobody listens there"
        except PermissionError:
            return "permission denied (is this user in the socket's group?)"
        except OSError as error:
            return str(error)
    return ""

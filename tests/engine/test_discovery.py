"""Finding an engine: only an answer counts, and only an engine of this machine."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from harness.engine import discovery
from harness.model.errors import BadOption, EngineUnavailable

SETTINGS = (
    "DOCKER_HOST",
    "TESTCONTAINERS_RYUK_DISABLED",
    "TESTCONTAINERS_HOST_OVERRIDE",
    "TESTCONTAINERS_CONNECTION_MODE",
)


class Engine(BaseHTTPRequestHandler):
    """Answers one question: which version it is."""

    def do_GET(self) -> None:
        body = json.dumps({"Version": "20.10.24", "ApiVersion": "1.41"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the original
        pass


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a process that has not looked for an engine, and its environment back."""
    monkeypatch.setattr(discovery, "_connected", {})
    for name in SETTINGS:
        monkeypatch.setenv(name, "")


@pytest.fixture
def directory() -> Iterator[Path]:
    """Return a directory whose path is short enough for that of a socket."""
    with tempfile.TemporaryDirectory() as path:
        yield Path(path)


@pytest.fixture
def engine(directory: Path) -> Iterator[str]:
    """Return the address of an engine that answers."""
    path = directory / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), Engine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "url", ["tcp://10.0.0.7:2375", "ssh://somebody@localhost", "tcp://docker:2376", "10.0.0.7:2375"]
)
def test_an_engine_elsewhere_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of another machine is refused at once: our ports would be on its loopback interface."""
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(BadOption, match="has to run on this machine"):
        discovery.candidates()


@pytest.mark.parametrize(
    "url", ["unix:///x.sock", "tcp://127.0.0.1:2375", "tcp://localhost:2375", "tcp://[::1]:1"]
)
def test_what_the_user_names_is_the_only_candidate(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_HOST is taken at its word: no other engine is used behind the user's back."""
    monkeypatch.setenv("DOCKER_HOST", url)
    assert discovery.candidates() == (url,)


def test_the_usual_sockets_are_tried_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker's own socket comes first, those of rootless Docker and of Podman follow."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert discovery.candidates() == (
        "unix:///var/run/docker.sock",
        "unix:///run/user/7/docker.sock",
        "unix:///home/somebody/.docker/run/docker.sock",
        "unix:///run/podman/podman.sock",
        "unix:///run/user/7/podman/podman.sock",
    )


def test_an_engine_that_answers_is_connected_once(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is made once in a process, and testcontainers is told to use the same engine."""
    monkeypatch.setattr(discovery, "candidates", lambda: ("unix:///nowhere/docker.sock", engine))
    client = discovery.connect()
    assert discovery.connect() is client
    assert client.api.api_version == "1.41"
    assert [os.environ[name] for name in SETTINGS] == [engine, "true", "127.0.0.1", "docker_host"]
    client.close()


def test_an_engine_that_answers_is_no_refusal(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking for the reasons yields none where an engine answers."""
    monkeypatch.setenv("DOCKER_HOST", engine)
    assert discovery.refusals() == ()


def test_every_address_is_named_with_its_reason(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what was seen at each address, and what to do."""
    (directory / "file").touch()
    with socketserver.UnixStreamServer(str(directory / "dead"), Engine):
        pass
    urls = tuple(f"unix://{directory / name}" for name in ("absent", "file", "dead"))
    monkeypatch.setattr(discovery, "candidates", lambda: urls)
    with pytest.raises(EngineUnavailable) as caught:
        discovery.connect()
    message = str(caught.value)
    assert f"{urls[0]}: no socket there" in message
    assert f"{urls[1]}: nobody listens there" in message
    assert f"{urls[2]}: nobody listens there" in message
    assert "hint: run `harness setup`" in message


def test_a_socket_of_others_is_explained(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that this user may not use is no riddle: the error speaks of the group."""

    def forbidden(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    probe = MagicMock()
    probe.return_value.__enter__.return_value.connect = forbidden
    monkeypatch.setattr(socket, "socket", probe)
    monkeypatch.setenv("DOCKER_HOST", engine)
    (refusal,) = discovery.refusals()
    monkeypatch.undo()
    assert "permission denied" in refusal.reason


def test_what_is_no_engine_is_told_by_its_answer(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something else that listens there is not taken for an engine."""
    path = directory / "other.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), socketserver.StreamRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        (refusal,) = discovery.refusals()
        server.shutdown()
        thread.join()
    assert refusal.reason.startswith("no answer: ")


def test_testcontainers_imported_before_is_put_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """What testcontainers read at its import is corrected if it was imported before us."""
    settings = SimpleNamespace(ryuk_disabled=False, tc_host_override=None, connection_mode_override=None)
    module = SimpleNamespace(
        testcontainers_config=settings, ConnectionMode=SimpleNamespace(docker_host="docker_host")
    )
    monkeypatch.setitem(sys.modules, "testcontainers.core.config", module)
    discovery.settle_environment("unix:///x.sock")
    assert settings == SimpleNamespace(
        ryuk_disabled=True, tc_host_override="127.0.0.1", connection_mode_override="docker_host"
    )

"""Pulling: a registry that is not there costs one attempt, one that is there is asked each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import docker
import pytest
from docker.errors import APIError, NotFound
from urllib3.exceptions import ReadTimeoutError

from harness.engine import pulling
from harness.engine.pulling import PullFailed, pull

REDIS = "docker.io/library/redis:8.0.2"
NATS = "docker.io/library/nats:2.15.2-scratch"


class Engine:
    """Pulls by telling ``events`` or raising ``error``."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.events: list[dict[str, str]] = []
        self.error: Exception | None = None
        self.closed = 0
        self.silent: threading.Event | None = None

    @property
    def api(self) -> Engine:
        return self

    def pull(self, repository: str, tag: str, **_: Any) -> Iterator[dict[str, str]]:
        self.asked.append((repository, tag))
        if self.silent is not None:
            self.silent.wait(30)
        if self.error is not None:
            raise self.error
        return iter(self.events)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return the engine that this process, which has pulled nothing before, asks."""
    engine = Engine()
    monkeypatch.setattr(docker, "from_env", lambda **_: engine)
    monkeypatch.setattr(pulling, "_unreachable", {})
    return engine


def silent(_: str) -> None:
    """Take a line of progress and leave it."""


def test_an_image_is_pulled_by_repository_and_tag(engine: Engine) -> None:
    """The reference is split at its tag, and the client is closed."""
    engine.events = [{"status": "Pulling from library/redis"}, {"status": "Download complete"}]
    said: list[str] = []
    pull(REDIS, said.append)
    assert engine.asked == [("docker.io/library/redis", "8.0.2")]
    assert engine.closed == 1
    assert said == [f"pulling {REDIS}"]


def test_a_long_pull_is_told_of(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Progress is shown as the engine tells it."""
    monkeypatch.setattr(pulling, "_SAY_EVERY", -1.0)
    engine.events = [{"status": "Downloading", "progress": "[=>   ] 1MB/9MB"}]
    said: list[str] = []
    pull(REDIS, said.append)
    assert said[1:] == [f"pulling {REDIS}: Downloading [=>   ] 1MB/9MB"]


@pytest.mark.parametrize(
    "error",
    [
        APIError("500", None, "dial tcp: lookup registry-1.docker.io: no such host"),
        ReadTimeoutError(None, "/images/create", "Read timed out."),  # type: ignore[arg-type]
        TimeoutError("timed out"),
    ],
    ids=["unknown host", "silence", "socket"],
)
def test_a_registry_that_does_not_answer_is_not_asked_again(error: Exception, engine: Engine) -> None:
    """Later images of the same registry do not wait for it again; the reason is kept."""
    engine.error = error
    with pytest.raises(PullFailed, match=r"no such host|timed out"):
        pull(REDIS, silent)
    with pytest.raises(PullFailed, match=r"docker\.io did not answer before \(.*(no such host|timed out)"):
        pull(NATS, silent)
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    "error",
    [
        NotFound("404", None, "manifest for redis:8.0.2 not found: manifest unknown"),
        APIError("500", None, "toomanyrequests: You have reached your pull rate limit"),
    ],
    ids=["no such image", "rate limit"],
)
def test_a_registry_that_refuses_one_image_is_asked_for_others(error: Exception, engine: Engine) -> None:
    """A registry that answers is there, whatever it answers."""
    engine.error = error
    with pytest.raises(PullFailed, match=r"manifest unknown|toomanyrequests"):
        pull(REDIS, silent)
    engine.error = None
    pull(NATS, silent)
    assert len(engine.asked) == 2


def test_an_engine_that_falls_silent_is_given_up_on(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that drops our packets costs the deadline once, however long the engine waits for it."""
    monkeypatch.setattr(pulling, "_SILENCE_SECONDS", 0.05)
    engine.silent = threading.Event()
    with pytest.raises(PullFailed, match=r"the engine said nothing for 0\.05 s"):
        pull(REDIS, silent)
    with pytest.raises(PullFailed, match=r"docker\.io did not answer before"):
        pull(NATS, silent)
    engine.silent.set()


def test_another_registry_is_asked_of_its_own(engine: Engine) -> None:
    """One registry out of reach says nothing about another."""
    engine.error = TimeoutError("timed out")
    with pytest.raises(PullFailed):
        pull(REDIS, silent)
    engine.error = None
    pull("ghcr.io/shopify/toxiproxy:2.12.0", silent)
    assert len(engine.asked) == 2


def test_a_pull_that_breaks_off_is_an_error(engine: Engine) -> None:
    """The engine tells of an error in the middle of its progress."""
    engine.events = [{"status": "Downloading"}, {"error": "unexpected EOF"}]
    with pytest.raises(PullFailed, match="unexpected EOF"):
        pull(REDIS, silent)

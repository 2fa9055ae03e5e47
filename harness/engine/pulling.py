"""Pulling an official image, without waiting for a registry that is not there."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from harness.engine.steps import Say

_SILENCE_SECONDS = 15.0
_SAY_EVERY = 10.0
_ANSWERED = ("manifest unknown", "denied", "unauthorized", "toomanyrequests", "name unknown")

_lock = threading.Lock()
_unreachable: dict[str, str] = {}


class PullFailed(Exception):
    """An image that could not be pulled, and what the engine said."""


def pull(reference: str, say: Say) -> None:
    """Pull ``reference``, such as ``docker.io/library/redis:8.0.2``, into the engine.

    An engine that says nothing for 15 s is given up on. A registry that did not answer is not asked
    again by this process.

    Raises ``PullFailed``.
    """
    registry = reference.partition("/")[0]
    if reason := _unreachable.get(registry):
        raise PullFailed(f"{registry} did not answer before ({reason})")
    say(f"pulling {reference}")
    try:
        _pull(reference, say)
    except _engine_errors() as error:
        reason = _brief(error)
        if not _has_answered(error):
            with _lock:
                _unreachable[registry] = reason
        raise PullFailed(f"{reference}: {reason}") from error


def _pull(reference: str, say: Say) -> None:
    said = time.monotonic()
    for event in _events(reference):
        if error := event.get("error"):
            raise PullFailed(f"{reference}: {error}")
        if time.monotonic() - said > _SAY_EVERY:
            said = time.monotonic()
            say(f"pulling {reference}: {event.get('status', '')} {event.get('progress', '')}".rstrip())


def _events(reference: str) -> Iterator[Mapping[str, str]]:
    """Yield what the engine tells, as long as it tells something.

    The client has no deadline for a pull, so it is read by a thread, which is left to itself when
    the engine falls silent: the engine gives up before long, and the thread ends with it.
    """
    told: queue.SimpleQueue[Mapping[str, str] | Exception | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(reference, told.put), daemon=True, name="pull").start()
    while True:
        try:
            event = told.get(timeout=_SILENCE_SECONDS)
        except queue.Empty:
            raise TimeoutError(f"the engine said nothing for {_SILENCE_SECONDS:g} s") from None
        if event is None:
            return
        if isinstance(event, Exception):
            raise event
        yield event


def _read(reference: str, tell: Callable[[Mapping[str, str] | Exception | None], None]) -> None:
    import docker  # noqa: PLC0415 - only who pulls pays for it

    repository, _, tag = reference.rpartition(":")
    try:
        with contextlib.closing(docker.from_env(version="auto")) as client:
            for event in client.api.pull(repository, tag, stream=True, decode=True):
                tell(event)
    except Exception as error:  # noqa: BLE001 - whoever listens raises it
        tell(error)
    else:
        tell(None)


def _engine_errors() -> tuple[type[Exception], ...]:
    from docker.errors import DockerException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return DockerException, HTTPError, OSError


def _has_answered(error: Exception) -> bool:
    """Whether it was the registry that refused: then it is there, and may have other images."""
    from docker.errors import NotFound  # noqa: PLC0415

    return isinstance(error, NotFound) or any(sign in str(error).lower() for sign in _ANSWERED)


def _brief(error: Exception) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    return " ".join(str(explanation).split())

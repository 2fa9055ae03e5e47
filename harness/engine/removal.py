"""What a sweep asks of a container engine, through docker-py's low-level client.

The low-level listing has labels and states in one request; the high-level one inspects every
container, and raises when one of them vanishes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from docker.errors import APIError, NotFound

from harness.engine import labels
from harness.engine.discovery import connect
from harness.engine.sweep import Kind, Thing

if TYPE_CHECKING:
    from docker.api.client import APIClient

_GOING = ("already in progress", "is not paused", "marked for removal")


class EngineRemover:
    """Finds and removes labelled things of the engine that ``discovery`` finds."""

    def __init__(self) -> None:
        """Raise ``EngineUnavailable`` if no engine answers."""
        self._api: APIClient = connect().api

    def find(self, owner: str | None = None, cluster: str | None = None) -> list[Thing]:
        """All that carries our owner label; only the owner's or the cluster's, if one is given."""
        wanted = [labels.OWNER if owner is None else f"{labels.OWNER}={owner}"]
        if cluster is not None:
            wanted.append(f"{labels.CLUSTER}={cluster}")
        filters: dict[str, Any] = {"label": wanted}
        return [
            *map(_container, self._api.containers(all=True, filters=filters)),
            *map(_network, self._api.networks(filters=filters)),
            *map(_volume, self._api.volumes(filters=filters)["Volumes"] or ()),
        ]

    def remove(self, thing: Thing) -> None:
        """Remove it, running or paused; no error if it is gone or going."""
        if thing.paused:
            self.unpause(thing)
        match thing.kind:
            case Kind.CONTAINER:
                _tolerantly(lambda: self._api.remove_container(thing.id, v=True, force=True))
            case Kind.NETWORK:
                _tolerantly(lambda: self._api.remove_network(thing.id))
            case Kind.VOLUME:
                _tolerantly(lambda: self._api.remove_volume(thing.id, force=True))

    def unpause(self, thing: Thing) -> None:
        """Let a paused container run: some engines cannot kill what is paused."""
        _tolerantly(lambda: self._api.unpause(thing.id))


def _tolerantly(request: Callable[[], object]) -> None:
    try:
        request()
    except NotFound:
        return
    except APIError as error:
        if not (error.status_code in _CONFLICTS and any(word in str(error) for word in _GOING)):
            raise


_CONFLICTS = (HTTPStatus.CONFLICT, HTTPStatus.INTERNAL_SERVER_ERROR)
"""Engine 20.10 answers 500 to unpausing what is not paused, later ones 409."""


def _container(raw: Mapping[str, Any]) -> Thing:
    return _thing(
        Kind.CONTAINER,
        raw["Id"],
        raw["Names"][0].lstrip("/") if raw["Names"] else raw["Id"][:12],
        raw["Labels"],
        created=float(raw["Created"]),
        paused=raw["State"] == "paused",
    )


def _network(raw: Mapping[str, Any]) -> Thing:
    return _thing(Kind.NETWORK, raw["Id"], raw["Name"], raw["Labels"], created=_unix(raw["Created"]))


def _volume(raw: Mapping[str, Any]) -> Thing:
    return _thing(Kind.VOLUME, raw["Name"], raw["Name"], raw["Labels"], created=_unix(raw["CreatedAt"]))


def _thing(  # noqa: PLR0913 - one for each part of a thing
    kind: Kind, identity: str, name: str, tags: Mapping[str, str], *, created: float, paused: bool = False
) -> Thing:
    return Thing(
        kind=kind,
        id=identity,
        name=name,
        owner=tags[labels.OWNER],
        cluster=tags.get(labels.CLUSTER, ""),
        created=created,
        expires=_seconds(tags.get(labels.EXPIRES)),
        paused=paused,
    )


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _unix(stamp: str) -> float:
    """Unix seconds of the engine's time stamp, of which Python reads no nanoseconds before 3.11."""
    return datetime.fromisoformat(stamp).timestamp()

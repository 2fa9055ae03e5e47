"""One nats-py connection with every default pinned, and an end that leaves nothing behind.

* It reconnects for ever, to any node, after a tenth of a second; a silent server is given up after
  two unanswered pings, which takes three seconds (the library's own defaults: six minutes).
* It buffers nothing while disconnected: ``pending_size`` 0 makes the library refuse a publish at
  once (``OutboundBufferLimitError``), a definite failure, where its default of 2 MiB keeps the
  message and applies it on reconnect, after its caller has been told of a timeout.
* Bytes handed to a connection that is already dead, but not yet known to be, can still be sent
  after the reconnect: their publishes have timed out by then, so they are unknown, as they should.

The nodes are tried in an order that depends on the client's name alone, so that a seed decides
where each client lands.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from nats import errors
from nats.aio.client import Client as LibraryClient

from harness.model.cluster import Cluster
from harness.model.errors import DeadlineExceeded
from harness.model.link import Link

_CONNECT = 10.0
_CLOSE = 1.0
_POLL = 0.02

_OPTIONS: dict[str, Any] = {
    "allow_reconnect": True,
    "max_reconnect_attempts": -1,
    "reconnect_time_wait": 0.1,
    "connect_timeout": 1.0,
    "ping_interval": 1.0,
    "max_outstanding_pings": 2,
    "pending_size": 0,
    "flush_timeout": 2.0,
    "drain_timeout": 2.0,
    "dont_randomize": True,
    "no_echo": False,
    "verbose": False,
    "pedantic": False,
}


class Connection:
    """A connection to whichever node answers over ``link``."""

    def __init__(self, cluster: Cluster, link: Link, name: str) -> None:
        first = zlib.crc32(name.encode()) % len(cluster.nodes)
        nodes = cluster.nodes[first:] + cluster.nodes[:first]
        self._servers = [f"nats://{cluster.endpoint(node, link)}" for node in nodes]
        self._name = name
        self._last_error: Exception | None = None
        self.nats = LibraryClient()

    async def open(self) -> None:
        """Connect to the first node that answers.

        Raises ``DeadlineExceeded`` after 10 s; the library itself would try for ever.
        """
        options = {**_OPTIONS, "servers": self._servers, "name": self._name, "error_cb": self._on_error}
        try:
            await asyncio.wait_for(self.nats.connect(**options), _CONNECT)
        except TimeoutError:
            await self.close()
            condition = f"client {self._name!r} connected to one of {', '.join(self._servers)}"
            raise DeadlineExceeded(condition, _CONNECT, repr(self._last_error)) from None

    async def until_connected(self, timeout: float) -> None:
        """Return once connected; raises ``ConnectionReconnectingError`` if it is not within ``timeout`` s.

        Raises ``ConnectionClosedError`` at once if the client was closed.
        """
        deadline = time.monotonic() + timeout
        while not self.nats.is_connected:
            if self.nats.is_closed:
                raise errors.ConnectionClosedError
            if time.monotonic() >= deadline:
                raise errors.ConnectionReconnectingError
            await asyncio.sleep(_POLL)

    async def close(self) -> None:
        """Close for good, within 2 s whatever state the connection is in; never raises."""
        await _settled(self.nats.close())
        self._abort()
        tasks = [task for task in self._tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await _settled(asyncio.gather(*tasks, return_exceptions=True))

    async def _on_error(self, error: Exception) -> None:
        """Keep the last error, and drop a socket on which connecting failed.

        The library forgets the socket of a failed attempt without closing it, which ends in a
        ``ResourceWarning`` for every attempt on a frozen node.
        """
        self._last_error = error
        if not self.nats.is_connected:
            self._abort()

    def _abort(self) -> None:
        writer = getattr(self.nats._transport, "_io_writer", None)  # noqa: SLF001 - no public way to it
        if writer is not None:
            writer.transport.abort()

    def _tasks(self) -> list[asyncio.Task[Any]]:
        """What the library leaves running when its ``close`` fails half-way."""
        client = self.nats
        tasks = (
            client._reading_task,  # noqa: SLF001 - no public way to any of them
            client._ping_interval_task,  # noqa: SLF001
            client._flusher_task,  # noqa: SLF001
            client._reconnection_task,  # noqa: SLF001
            *(sub._wait_for_msgs_task for sub in client._subs.values()),  # noqa: SLF001
        )
        return [task for task in tasks if task is not None and not task.done()]


async def _settled(ending: Awaitable[Any]) -> None:
    """Await an ending for a second; its errors say nothing that anyone could act on.

    The library raises ``ConnectionResetError`` when closed while it reconnects, and waits without
    limit for a socket whose peer is frozen (nats.py issue 671).
    """
    with suppress(Exception):
        await asyncio.wait_for(ending, _CLOSE)

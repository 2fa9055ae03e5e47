"""One connection to a Redis server or Sentinel, on which nothing happens that was not asked for.

redis-py's client retries ten times by default, and so sends an ``XADD`` twice when the reply to
the first is lost; its pool reconnects and checks health in passing. Here its connection alone is
used, with every such default pinned off: one command is one attempt, bounded by one deadline. Any
doubt about a connection ends it, and the *next* command dials anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redis.asyncio import Connection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NoReply
from redis.maint_notifications import MaintNotificationsConfig

from harness.backends.redis.errors import NotSent, code
from harness.model.cluster import Endpoint

CONNECT = 2.0
"""Seconds a connection may take, greeting included."""

_WRONG_NODE = frozenset({"LOADING", "MASTERDOWN", "NOREPLICAS", "READONLY", "UNBLOCKED"})
"""Error replies of a server that is not, or may not be, the primary any more."""


class Socket(Connection):
    """redis-py's connection, with an end that waits for nobody."""

    @property
    def is_alive(self) -> bool:
        """Whether it is connected and the other side has not closed it, as far as is known."""
        return self._reader is not None and not self._reader.at_eof()

    def cut(self) -> None:
        """Drop it without sending what is still buffered: a frozen peer would never take that."""
        writer, self._reader, self._writer = self._writer, None, None
        self._parser.on_disconnect()  # type: ignore[no-untyped-call]
        if writer is not None:
            writer.transport.abort()

    async def ask(self, *commands: Sequence[Any]) -> list[Any]:
        """Send commands together and return each reply; error replies are returned, not raised."""
        await self.send_packed_command(self.pack_commands(commands), check_health=False)
        return [await self._reply() for _ in commands]

    async def _reply(self) -> Any:
        try:
            return await self.read_response()
        except ResponseError as error:
            return error


async def dial(endpoint: Endpoint, name: str) -> Socket:
    """Connect to ``endpoint`` and introduce ourselves as ``name``, once, within ``CONNECT`` seconds.

    The greeting matters: proxies in between accept on behalf of a node that is gone. Raises
    redis-py's ``ConnectionError``, or the builtin ``TimeoutError``.
    """
    socket = Socket(
        host=endpoint.host,
        port=endpoint.port,
        client_name=name,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        retry_on_error=[],
        socket_timeout=None,  # every exchange has a deadline of its own, also a blocking one
        socket_connect_timeout=CONNECT,
        health_check_interval=0,
        driver_info=None,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )
    try:
        async with asyncio.timeout(CONNECT):
            await socket.connect()  # type: ignore[no-untyped-call]
    except BaseException:
        socket.cut()
        raise
    return socket


class Wire:
    """A connection that is dialled when it is needed; commands of several tasks wait in line."""

    def __init__(self, find: Callable[[], Awaitable[Socket]]) -> None:
        self._find = find
        self._socket: Socket | None = None
        self._line = asyncio.Lock()
        self._closed = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now; nothing is asked of the server."""
        return self._socket is not None and self._socket.is_alive

    async def call(self, *command: Any, timeout: float) -> Any:
        """Send one command once and return its reply, within ``timeout`` seconds in all."""
        return (await self.calls(command, timeout=timeout))[0]

    async def calls(self, *commands: Sequence[Any], timeout: float) -> list[Any]:
        """Send commands together, once, and return their replies, within ``timeout`` seconds in all.

        Raises ``NotSent`` when nothing has left for the server, else what redis-py raises; an error
        reply to one of several is raised after the others were read.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout), self._line:
                socket = await self._dialled()
                sent = True
                return await self._exchange(socket, commands)
        except TimeoutError:
            if sent:
                raise NoReply(f"no reply to {commands[0][0]} within {timeout:.1f} s") from None
            raise NotSent(f"no connection within {timeout:.1f} s") from None

    def cut(self) -> None:
        """Doubt the connection: drop it, and let the next command dial anew."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.cut()

    async def close(self) -> None:
        """End the connection for good; commands after that raise ``NotSent``."""
        self._closed = True
        self.cut()
        await asyncio.sleep(0)  # the transport closes its socket on the loop's next turn

    async def _dialled(self) -> Socket:
        self._refuse_if_closed()
        if not self.is_open:
            self.cut()
            self._socket = await self._found()
            self._refuse_if_closed()
        return cast("Socket", self._socket)

    async def _found(self) -> Socket:
        try:
            return await self._find()
        except NotSent:
            raise
        except (RedisError, OSError) as error:
            raise NotSent(error) from error

    def _refuse_if_closed(self) -> None:
        """Also once a connection was dialled: the client may have been closed meanwhile."""
        if self._closed:
            self.cut()
            raise NotSent("this client is closed")

    async def _exchange(self, socket: Socket, commands: Sequence[Sequence[Any]]) -> list[Any]:
        try:
            replies = await socket.ask(*commands)
        except BaseException:
            self.cut()
            raise
        for reply in replies:
            if isinstance(reply, ResponseError):
                if code(reply) in _WRONG_NODE:
                    self.cut()
                raise reply
        return replies

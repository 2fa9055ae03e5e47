"""NATS by hand: a publish that comes back by our own subscription."""

from __future__ import annotations

import secrets

from harness.backends.talk import Dialect

_LARGEST = 500_000
"""Half of what a server takes by default."""


def nats_dialect() -> Dialect:
    """A dialect with a subject of its own, so that no other conversation hears it."""
    subject = b"harness.talk." + secrets.token_hex(6).encode()

    def echo(token: bytes, size: int) -> bytes:
        payload = b"." * max(0, size - len(token)) + token
        return b"PUB %b %d\r\n%b\r\n" % (subject, len(payload), payload)

    return Dialect(
        request=echo,
        goodbye=b"BOGUS\r\n",
        largest=_LARGEST,
        hello=b'CONNECT {"verbose":false,"name":"observer"}\r\nSUB %b 1\r\n' % subject,
        keepalive=(b"PING\r\n", b"PONG\r\n"),
    )

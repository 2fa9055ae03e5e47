"""Redis by hand: ``ECHO``."""

from __future__ import annotations

from harness.backends.talk import Dialect

_LARGEST = 500_000


def _echo(token: bytes, size: int) -> bytes:
    text = b"." * max(0, size - len(token)) + token
    return b"*2\r\n$4\r\nECHO\r\n$%d\r\n%b\r\n" % (len(text), text)


REDIS_DIALECT = Dialect(request=_echo, goodbye=b"*1\r\n$4\r\nQUIT\r\n", largest=_LARGEST)

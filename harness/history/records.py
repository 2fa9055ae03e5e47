"""The records a history is made of; each is one line of JSON, told apart by its ``type``.

A case's history is the ordered list of what its clients did and saw, of what was done to the
cluster, and of what was observed of it. An operation is two records of one ``op`` id::

    {"type":"op","stage":"invoke","op":4,"function":"publish","time":81,"process":2,
     "client":"publisher-1","destination":"t3.orders","message":"p1-7","key":"k3","digest":"9f.."}
    {"type":"op","stage":"ok","op":4,"function":"publish","time":93,"process":2,
     "client":"publisher-1","destination":"t3.orders","message":"p1-7","position":[0,7,0]}

Times are ``time.monotonic_ns``: all processes of one machine share that clock; ``Header``
anchors it to wall time, for the nodes' logs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from harness.model.message import Position

FORMAT_VERSION = 1


class Stage(StrEnum):
    """``invoke`` is written before the request is sent; the rest say how it ended."""

    INVOKE = "invoke"
    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class Function(StrEnum):
    """What a client can be asked to do."""

    CREATE = "create"
    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"
    ACK = "ack"
    NAK = "nak"
    REJECT = "reject"
    EXTEND = "extend"
    CLOSE = "close"
    READ_LOG = "read_log"
    BACKLOG = "backlog"


class Seen(NamedTuple):
    """One message in the answer of a ``receive`` or a ``read_log``; ``attempt`` 0: not counted."""

    message: str
    position: Position
    attempt: int
    digest: str
    key: str
    destination: str


class Op(msgspec.Struct, frozen=True, tag_field="type", tag="op", omit_defaults=True, gc=False):
    """One stage of one operation.

    ``process`` is retired after an ``info``, ``client`` lives on. ``message``, ``key`` and
    ``digest`` are what a publish or an acknowledgement is about; ``seen`` is what a receive or
    a read of the log answered; ``error`` is the client's own exception.
    """

    stage: Stage
    op: int
    function: Function
    time: int
    process: int
    client: str
    destination: str = ""
    group: str = ""
    message: str = ""
    key: str = ""
    digest: str = ""
    position: Position | None = None
    deduplicated: bool = False
    attempt: int = 0
    seen: tuple[Seen, ...] = ()
    detail: str = ""
    error: str = ""


class Header(msgspec.Struct, frozen=True, tag_field="type", tag="header", omit_defaults=True):
    """The first record of every file: what ran, on what, and the anchor to wall time."""

    format_version: int
    case: str
    backend: str
    version: str
    nodes: int
    tier: str
    seed: int
    monotonic_ns: int
    wall_ns: int
    pid: int
    images: dict[str, str] = {}
    client_versions: dict[str, str] = {}


class PhaseRecord(msgspec.Struct, frozen=True, tag_field="type", tag="phase", omit_defaults=True):
    """One of the six phases of a scenario begins or ends."""

    name: str
    time: int
    begins: bool
    detail: str = ""


class FaultStage(StrEnum):
    """``injecting`` is written before anything is touched."""

    INJECTING = "injecting"
    INJECTED = "injected"
    BITTEN = "bitten"
    NOT_BITTEN = "not bitten"
    REACTED = "reacted"
    NOT_REACTED = "not reacted"
    HEALING = "healing"
    HEALED = "healed"
    HEAL_FAILED = "heal failed"


class FaultRecord(msgspec.Struct, frozen=True, tag_field="type", tag="fault", omit_defaults=True):
    """A step in the life of one fault; ``fault`` is its text form, ``detail`` the evidence."""

    number: int
    fault: str
    stage: FaultStage
    time: int
    nodes: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    detail: str = ""


class Observation(msgspec.Struct, frozen=True, tag_field="type", tag="observation", omit_defaults=True):
    """Something seen of the cluster or the machine that a claim or a verdict may depend on.

    Names in use: ``promotion`` (another node leads), ``node-crash`` (a node was killed),
    ``recovery`` (seconds until progress), ``log-read`` (a destination's log was read whole,
    after healing), ``drained`` (a group read up to every marker), ``starved`` (the machine),
    ``replicas-behind`` (they had not caught up after ``value`` seconds),
    ``dead-letter`` (``detail`` names where ``destination`` dead-letters to), ``outside-writer``
    (somebody unrecorded, such as a service under test, publishes to ``destination``).
    """

    name: str
    time: int
    node: str = ""
    destination: str = ""
    group: str = ""
    value: float = 0.0
    detail: str = ""


Record = Op | Header | PhaseRecord | FaultRecord | Observation

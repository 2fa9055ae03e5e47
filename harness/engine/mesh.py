"""The mesh helper of a node: a container that owns the node's network namespace.

The node joins it, so rules survive the node's kill and restart (the other way round a restarted
node gets a new namespace and the cut is silently gone). The helper's first process is a shell that
evaluates the lines of its standard input, which is 10 times faster than an exec for each; it
also mounts the node's volume, by which files get into images that have no shell.

Rules live in one nft table of our own. What is cut is data: ``sources`` holds the addresses from
which nothing comes in, ``flows`` pairs of address and port.
"""

from __future__ import annotations

import io
import secrets
import socket
import tarfile
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from harness.engine.blueprint import DATA
from harness.engine.discovery import connect
from harness.model.errors import DeadlineExceeded, HarnessError

if TYPE_CHECKING:
    from docker.models.containers import Container

    from harness.engine.description import NodeDescription

TABLE = "inet broker_harness"
RULES = f"""
add table {TABLE}
add set {TABLE} sources {{ type ipv4_addr; }}
add set {TABLE} flows {{ type ipv4_addr . inet_service; }}
add chain {TABLE} arriving {{ type filter hook input priority 0; policy accept; }}
add rule {TABLE} arriving ip saddr @sources counter drop
add rule {TABLE} arriving ip saddr . tcp dport @flows counter drop
"""

SHELL = 'while read -r line; do eval "$line"; echo "$token $?"; done'
DISCARD = 9
"""The port of the discard service: no broker listens there."""
COMMAND = ("sh", "-c", f"nft -f - <<'RULES'\n{RULES}\nRULES\n{SHELL}")


def run(helper: str, command: str, timeout: float = 5.0) -> str:
    """Evaluate one line in the helper, and return what it wrote; raises ``HarnessError`` when it fails.

    The answer is told from those to other processes by a token of its own.
    """
    token = secrets.token_hex(8)
    stream: Any = connect().api.attach_socket(helper, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
    raw: socket.socket = stream._sock  # noqa: SLF001 - docker-py offers the socket no other way
    try:
        raw.settimeout(timeout)
        raw.sendall(f"token={token}; {{ {command}; }} 2>&1\n".encode())
        return _expect(raw, token, command, timeout)
    finally:
        raw.close()
        stream.close()


def _expect(raw: socket.socket, token: str, command: str, timeout: float) -> str:
    deadline = time.monotonic() + timeout
    answer = ""
    while f"{token} " not in answer or not answer.endswith("\n"):
        if time.monotonic() > deadline:
            raise DeadlineExceeded(f"mesh helper: {command}", timeout, answer or "no answer")
        try:
            chunk = raw.recv(65536)
        except TimeoutError:
            raise DeadlineExceeded(f"mesh helper: {command}", timeout, answer or "no answer") from None
        if not chunk:
            raise HarnessError(f"mesh helper: gone while asked to {command}; it said: {answer!r}")
        answer += chunk.decode(errors="replace")
    status = answer.partition(f"{token} ")[2].split("\n", 1)[0]
    if status != "0":
        raise HarnessError(f"mesh helper: {command}: exit status {status}: {answer!r}")
    return answer.partition(f"{token} ")[0]


def put_files(helper: Container, files: Mapping[str, str]) -> None:
    """Write files below the node's volume."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            encoded = content.encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(encoded), 0o644
            tar.addfile(entry, io.BytesIO(encoded))
    helper.put_archive(DATA, archive.getvalue())


def cut_commands(cuts: Iterable[tuple[str, int | None]], *, add: bool) -> str:
    """The line that adds or takes away cuts, given as source address and destination port.

    Taking away what is not there is no error: healing is idempotent.
    """
    verb, tolerant = ("add", "") if add else ("delete", " 2>/dev/null || true")
    parts = [
        f"{{ nft {verb} element {TABLE} '{_element(address, port)}'{tolerant}; }}" for address, port in cuts
    ]
    return " && ".join(parts) or "true"


def _element(address: str, port: int | None) -> str:
    return f"sources {{ {address} }}" if port is None else f"flows {{ {address} . {port} }}"


def packet_arrives(source: NodeDescription, destination: NodeDescription, port: int | None) -> bool:
    """Whether what ``source`` sends to ``port`` (``None``: to one nobody has) gets past our rules.

    It is counted behind them, in a table of its own that is gone afterwards. Nobody has to answer,
    so that one direction can be told from the other; other traffic of the same edge counts as well.
    """
    table = f"probe_{secrets.token_hex(6)}"
    protocol = "udp" if port is None else "tcp"
    target = f"/dev/{protocol}/{destination.address}/{port or DISCARD}"
    run(destination.helper, _counting(table, f"ip saddr {source.address} {protocol} dport {port or DISCARD}"))
    try:
        run(source.helper, f"timeout 0.2 bash -c 'echo >{target}' 2>/dev/null || true")
        listed = f"nft list table inet {table}"
        return (
            "none"
            not in run(
                destination.helper,
                f"{listed} | grep -q 'packets 0 ' && echo {table} none || echo {table} some",
            )
            .partition(f"{table} ")[2]
            .split("\n")[0]
        )
    finally:
        run(destination.helper, f"nft delete table inet {table}")


def _counting(table: str, packets: str) -> str:
    rules = (
        f"add table inet {table}",
        f"add chain inet {table} arrived {{ type filter hook input priority 10; policy accept; }}",
        f"add rule inet {table} arrived {packets} counter",
    )
    return " && ".join(f"nft '{rule}'" for rule in rules)


FLUSH = f"nft flush set {TABLE} sources && nft flush set {TABLE} flows"
"""The line that mends everything."""

"""The mesh helper's shell, against a socket that answers like one."""

from __future__ import annotations

import io
import re
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from harness.engine import mesh
from harness.model.errors import DeadlineExceeded, HarnessError

LINE = re.compile(r"token=(\w+); \{ (.*); \} 2>&1\n")


class Stream:
    """What docker-py returns for an attached socket."""

    def __init__(self, raw: socket.socket) -> None:
        self._sock = raw
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Shell:
    """The other end: reads a line and answers as ``reply`` says, given the token and the command."""

    def __init__(self, reply: Callable[[str, str], list[bytes]]) -> None:
        self.commands: list[str] = []
        self.streams: list[Stream] = []
        self._reply = reply
        self._threads: list[threading.Thread] = []

    @property
    def api(self) -> Shell:
        """The low-level client."""
        return self

    def attach_socket(self, helper: str, parameters: dict[str, int]) -> Stream:
        ours, theirs = socket.socketpair()
        assert parameters == {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        thread = threading.Thread(target=self._serve, args=(theirs,))
        thread.start()
        self._threads.append(thread)
        self.streams.append(Stream(ours))
        return self.streams[-1]

    def _serve(self, theirs: socket.socket) -> None:
        with theirs, theirs.makefile("r") as lines:
            asked = LINE.fullmatch(lines.readline())
            assert asked is not None
            token, command = asked.groups()
            self.commands.append(command)
            chunks = self._reply(token, command)
            for chunk in chunks:
                theirs.sendall(chunk)
            if not chunks:
                lines.readline()  # silent until the caller has gone

    def join(self) -> None:
        """Wait for the shell to have ended."""
        for thread in self._threads:
            thread.join(10.0)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Shell]]:
    """Have a shell that answers like this."""
    made: list[Shell] = []

    def make(reply: Callable[[str, str], list[bytes]]) -> Shell:
        made.append(Shell(reply))
        monkeypatch.setattr(mesh, "connect", lambda: made[-1])
        return made[-1]

    yield make
    for each in made:
        each.join()
        assert all(stream.closed and stream._sock.fileno() == -1 for stream in each.streams)


def test_a_command_that_succeeds_returns(shell: Callable[..., Shell]) -> None:
    """Once its own answer has come whole, in however many pieces, among those to others."""
    others = b"0123456789abcdef 1\n"
    made = shell(lambda token, _: [others, token[:5].encode(), f"{token[5:]} 0".encode(), b"\n"])
    mesh.run("helper", "nft flush ruleset")
    assert made.commands == ["nft flush ruleset"]


def test_a_command_that_fails_says_what_it_said(shell: Callable[..., Shell]) -> None:
    """With the command and its exit status."""
    shell(lambda token, _: [b"Error: No such file\n", f"{token} 1\n".encode()])
    with pytest.raises(HarnessError, match=r"nft add x: exit status 1: .*No such file"):
        mesh.run("helper", "nft add x")


def test_a_silent_helper_is_not_waited_for(shell: Callable[..., Shell]) -> None:
    """The error says that there was no answer, or which one was not whole."""
    shell(lambda *_: [])
    with pytest.raises(DeadlineExceeded, match=r"nft x: not within 0.05 s; last seen: no answer"):
        mesh.run("helper", "nft x", timeout=0.05)


def test_a_helper_that_is_gone_is_told_of(shell: Callable[..., Shell]) -> None:
    """It was killed while it was asked."""
    shell(lambda *_: [b"killed"])
    with pytest.raises(HarnessError, match=r"gone while asked to nft x; it said: 'killed'"):
        mesh.run("helper", "nft x")


def test_tokens_are_not_used_twice(shell: Callable[..., Shell]) -> None:
    """Two processes that attach to one helper tell their answers apart."""
    tokens: list[str] = []

    def reply(token: str, _: str) -> list[bytes]:
        tokens.append(token)
        return [f"{token} 0\n".encode()]

    shell(reply)
    for _ in range(5):
        mesh.run("helper", "true")
    assert len(set(tokens)) == 5


def test_cuts_are_elements_of_sets() -> None:
    """A whole source, or one of its flows; taking away what is not there is no error."""
    cuts = [("172.18.0.3", None), ("172.18.0.4", 9093)]
    assert mesh.cut_commands(cuts, add=True) == (
        "{ nft add element inet broker_harness 'sources { 172.18.0.3 }'; } && "
        "{ nft add element inet broker_harness 'flows { 172.18.0.4 . 9093 }'; }"
    )
    mended = mesh.cut_commands(cuts, add=False)
    assert mended.count("nft delete element") == mended.count("2>/dev/null || true") == 2
    assert mesh.cut_commands([], add=True) == "true"


def test_files_are_put_below_the_volume() -> None:
    """As an archive that any node can read."""
    put: list[tuple[str, bytes]] = []

    class Helper:
        def put_archive(self, path: str, archive: bytes) -> None:
            put.append((path, archive))

    mesh.put_files(cast("Any", Helper()), {"nats.conf": "port: 4222 # é\n", "conf/users": ""})
    [(path, archive)] = put
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        contents = {}
        for entry in tar:
            file = tar.extractfile(entry)
            assert file is not None
            contents[entry.name] = file.read().decode()
            assert entry.mode == 0o644
    assert path == "/data"
    assert contents == {"nats.conf": "port: 4222 # é\n", "conf/users": ""}

"""``harness logs``: what a node wrote, and nothing else, on stdout."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from harness.engine import cluster, discovery
from harness.engine.cluster import ContainerCluster
from harness.engine.description import load
from tests.cli.conftest import Machine, Run


def test_the_last_lines_are_shown(machine: Machine, run: Run) -> None:
    """As many as asked for."""
    kept = machine.keep("shop", "c1")
    for _ in range(3):
        kept.pause("n1")
        kept.unpause("n1")
    out = run("logs", "n1", "--lines", "2").out.splitlines()
    assert len(out) == 2
    assert out[0].endswith("paused")
    assert len(run("logs", "n1").out.splitlines()) == 6
    assert run("logs", "n2").out == ""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("n4",), "unknown node of shop 'n4'; did you mean 'n3'?"),
        (("n1", "--lines", "-1"), "--lines: -1 cannot be used"),
        (("n1", "--cluster", "shpo"), "did you mean 'shop'?"),
        ((), "Missing argument 'NODE'"),
    ],
)
def test_misuse_exits_with_2(machine: Machine, run: Run, arguments: tuple[str, ...], told: str) -> None:
    """With the nearest that there is."""
    machine.keep("shop", "c1")
    done = run("logs", *arguments)
    assert done.code == 2
    assert told in done.err


class _Container:
    """What the engine's client offers of a container."""

    status = "running"

    def logs(
        self, *, tail: int | str, since: float | None = None, stream: bool = False, follow: bool = False
    ) -> Iterator[bytes] | bytes:
        assert since is None or since > 0, "the client refuses any other time"
        told = f"{tail} lines\n".encode()
        return iter([told, b"and more\n"]) if stream and follow else told


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine answer that has every container."""
    client = SimpleNamespace(containers=SimpleNamespace(get=lambda _: _Container()))
    monkeypatch.setattr(discovery, "connect", lambda: client)
    monkeypatch.setattr(cluster, "connect", lambda: client)


@pytest.mark.usefixtures("engine")
def test_a_log_is_followed_until_the_node_ends(machine: Machine, run: Run) -> None:
    """The end of the node is told apart from what it wrote."""
    machine.keep("shop", "c1")
    done = run("logs", "n1", "--follow", "--lines", "7")
    assert (done.code, done.out, done.err) == (0, "7 lines\nand more\n", "n1 has ended\n")


@pytest.mark.usefixtures("engine")
def test_a_log_is_read_without_a_beginning_in_time(machine: Machine) -> None:
    """The engine's client refuses a zero, which stands for all that was written."""
    machine.keep("shop", "c1")
    real = ContainerCluster(load("c1"))
    assert real.log("n1") == "all lines\n"
    assert real.log("n1", 5) == "5 lines\n"
    assert real.log("n1", 5, since=1.0) == "5 lines\n"

"""``harness up``: what is started, what is said of it, and what is refused at once."""

from __future__ import annotations

import json

import pytest
from syrupy.assertion import SnapshotAssertion

from harness.scenario import pool
from tests.cli.conftest import Machine, Run


def test_a_cluster_is_started_and_described(machine: Machine, run: Run, snapshot: SnapshotAssertion) -> None:
    """People read its nodes, their roles and where to reach them; progress is not among the data."""
    done = run("up", "nats@2.15.2", "--nodes", "3", "--name", "shop", "--hours", "2")
    assert done.code == 0
    assert done.out == snapshot(name="stdout")
    assert done.err == snapshot(name="stderr")
    assert max(map(len, done.out.splitlines())) <= 80
    assert machine.asked["owner"] == "kept-shop"
    assert machine.asked["kept"] == 7200
    assert machine.asked["images"] == ["toxiproxy 2.12.0", "mesh 1", "nats 2.15.2"]


def test_a_program_reads_one_document(machine: Machine, run: Run) -> None:
    """With --json stdout is one document, with the address of each port of each link."""
    document = json.loads(run("up", "nats", "--name", "shop", "--json").out)
    assert document["format_version"] == 1
    assert (document["name"], document["tier"], document["ready"]) == ("shop", "r1", True)
    assert document["nodes"][0]["endpoints"]["publisher"] == {"client": "127.0.0.1:32010"}
    assert document["expires"] - document["created"] == 24 * 3600


def test_a_name_is_made_up(machine: Machine, run: Run) -> None:
    """Without --name there is a readable one, and never one that is taken."""
    names = [json.loads(run("up", "nats", "--json").out)["name"] for _ in range(3)]
    assert len(set(names)) == 3
    assert all(name.count("-") == 1 and name.replace("-", "").isalpha() for name in names)


def test_a_taken_name_is_refused(machine: Machine, run: Run) -> None:
    """Two clusters of one name could not be told apart."""
    machine.keep("shop", "c1")
    done = run("up", "nats", "--name", "shop")
    assert done.code == 2
    assert done.err.endswith("error: name: 'shop' cannot be used: it is taken (see `harness status`)\n")
    assert list(machine.clusters) == ["c1"]


def test_a_second_cluster_is_fine(machine: Machine, run: Run) -> None:
    """Another name, and both are there."""
    machine.keep("shop", "c1")
    assert run("up", "nats", "--name", "store").code == 0
    assert len(machine.clusters) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nat",), "unknown backend 'nat'; did you mean 'nats'?"),
        (("nats@2.15",), "did you mean nats@2.15.2?"),
        (("memory",), "it lives inside a process"),
        (("nats", "--nodes", "2"), "--nodes: 2 cannot be used: nats runs with 1 or 3 or 5"),
        (("nats", "--nodes", "x"), "Invalid value for '--nodes'"),
        (("nats", "--nodes", "3", "--tier", "r4"), "did you mean 'r3'?"),
        (("nats", "--hours", "0"), "--hours: 0.0 cannot be used"),
        (("nats", "--hours", "nan"), "--hours: nan cannot be used"),
        (("nats", "--name", "My Shop"), "lower-case letters, digits and hyphens"),
        (("nats", "--name", ""), "lower-case letters, digits and hyphens"),
        (("nats", "--nmae", "shop"), "--name"),
        ((), "Missing argument 'BACKEND'"),
    ],
)
def test_what_cannot_be_had_is_refused(
    machine: Machine, run: Run, arguments: tuple[str, ...], told: str
) -> None:
    """Before anything is started, with exit code 2 and what would do."""
    done = run("up", *arguments)
    assert done.code == 2
    assert told in done.err
    assert done.out == ""
    assert machine.clusters == {}


def test_what_does_not_become_ready_is_removed(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the last thing seen, and nothing is left behind."""
    monkeypatch.setattr(pool, "READY_WITHIN", 0.2)
    machine.ready = False
    done = run("up", "nats", "--nodes", "3", "--name", "shop")
    assert done.code == 1
    assert "not ready within 0.2 s; last seen: n1 does not answer" in done.err
    assert machine.things == []
    assert run("status").out == "no cluster is up\n"

"""``harness heal``: the latest first, whatever is written down or not, as often as one likes."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from syrupy.assertion import SnapshotAssertion

from harness.cli import heal
from harness.cli.in_force import InForce, faults_in_force, note
from harness.engine.description import description_path
from harness.model.cluster import Edge, NodeState
from harness.model.link import Link
from harness.scenario import pool
from tests.cli.conftest import NOW, Machine, Run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let healing take no time that is told."""
    monkeypatch.setattr(heal, "time", SimpleNamespace(monotonic=lambda: 0.0))


@pytest.mark.usefixtures("quick")
def test_faults_are_healed_in_reverse(machine: Machine, run: Run, snapshot: SnapshotAssertion) -> None:
    """What was injected last may stand on what was injected before."""
    cluster = machine.keep("shop", "c1")
    run("fault", "pause", "n1")
    run("fault", "kill", "n2")
    done = run("heal")
    assert done.code == 0
    assert done.out == snapshot(name="stdout")
    assert done.err == snapshot(name="stderr")
    assert all(cluster.state(node) == NodeState(running=True, paused=False) for node in cluster.nodes)
    assert faults_in_force("c1") == []


@pytest.mark.usefixtures("quick")
def test_healing_twice_is_no_error(machine: Machine, run: Run) -> None:
    """There was nothing left to do, and that is said."""
    machine.keep("shop", "c1")
    run("fault", "pause", "n1")
    run("heal")
    done = run("heal")
    assert (done.code, done.out) == (
        0,
        "healed  nothing: no fault was in force\nready   shop, after 0.0 s\n",
    )


def test_what_nobody_wrote_down_is_undone_too(machine: Machine, run: Run) -> None:
    """A test run, or a hand on the engine, leaves no trace in our files."""
    cluster = machine.keep("shop", "c1")
    cluster.pause("n1")
    cluster.sever(Link.PUBLISHER, ["n2"])
    cluster.cut([Edge("n1", "n3")])
    assert run("heal").code == 0
    assert "  ready\n" in run("status").out
    assert cluster.fabric.severed == set()


def test_a_fault_whose_package_is_gone_is_healed_with_the_cluster(machine: Machine, run: Run) -> None:
    """Its own healing cannot be had; that is said, and the cluster's own does the rest."""
    cluster = machine.keep("shop", "c1")
    note("c1", InForce("f1", "paint", "paint(n1)", {}, "by-hand", NOW, injected=True, nodes=("n1",)))
    cluster.kill("n1")
    done = run("heal")
    assert done.code == 0
    assert "warning: paint(n1): unknown fault 'paint'" in done.err
    assert cluster.state("n1").running
    assert faults_in_force("c1") == []


def test_an_injection_that_did_not_end_is_healed_with_the_cluster(machine: Machine, run: Run) -> None:
    """Its command was killed before it knew what it had hit."""
    cluster = machine.keep("shop", "c1")
    note("c1", InForce("f1", "kill", "kill(n1)", {"target": "n1"}, "by-hand", NOW))
    cluster.kill("n1")
    assert "kill(n1) since 0 s: its injection did not end" in run("status").out
    assert json.loads(run("heal", "--json").out)["healed"][0]["injected"] is False
    assert cluster.state("n1").running


def test_a_cluster_that_stays_ill_is_told(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it lacks, after the deadline."""
    monkeypatch.setattr(pool, "READY_WITHIN", 0.2)
    cluster = machine.keep("shop", "c1")
    monkeypatch.setattr(type(cluster), "heal", lambda self: self.pause("n1"))
    done = run("heal")
    assert done.code == 1
    assert "not ready within 0.2 s; last seen: n1 does not answer" in done.err


def test_a_file_of_a_newer_harness_is_refused(machine: Machine, run: Run) -> None:
    """What it says cannot be known, so nothing is done."""
    machine.keep("shop", "c1")
    description_path("c1").with_suffix(".faults").write_text('{"format_version":2}')
    done = run("heal")
    assert done.code == 1
    assert "has format 2, this harness reads 1: upgrade it" in done.err

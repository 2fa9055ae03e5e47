"""``harness status``: every kept cluster, how it is, and what is wrong with it on purpose."""

from __future__ import annotations

import json

from syrupy.assertion import SnapshotAssertion

from harness.engine.sweep import Kind, Thing
from tests.cli.conftest import NOW, Machine, Run


def test_nothing_up_is_said(machine: Machine, run: Run) -> None:
    """That is no failure, and the hint says how to begin."""
    done = run("status")
    assert (done.code, done.out) == (0, "no cluster is up\n")
    assert done.err == "hint: harness up nats --nodes 3\n"


def test_clusters_are_told_one_after_the_other(
    machine: Machine, run: Run, snapshot: SnapshotAssertion
) -> None:
    """With the state of each node, who rules, who leads, addresses, and the faults in force."""
    machine.keep("shop", "c1")
    machine.keep("big", "c2", nodes=5, hours=0.05)
    assert run("fault", "sever", "--link", "publisher", "--cluster", "shop").code == 0
    assert run("fault", "pause", "n3", "--cluster", "shop").code == 0
    done = run("status")
    assert done.code == 0
    assert done.out == snapshot
    assert max(map(len, done.out.splitlines())) <= 80


def test_one_cluster_is_told_by_its_name(machine: Machine, run: Run) -> None:
    """The others are left out."""
    machine.keep("shop", "c1")
    machine.keep("store", "c2")
    out = run("status", "store").out
    assert out.startswith("store: nats@2.15.2-n3-r3, up 5 min, stays for 24 h\n")
    assert "shop" not in out


def test_an_unknown_name_has_a_suggestion(machine: Machine, run: Run) -> None:
    """A misspelt cluster is named."""
    machine.keep("shop", "c1")
    done = run("status", "shpo")
    assert done.code == 2
    assert done.err == "error: unknown cluster 'shpo'; did you mean 'shop'? (known: shop)\n"


def test_a_destination_has_no_leader_before_it_is_there(machine: Machine, run: Run) -> None:
    """Roles refer to the destination that is named, and an unknown one has none."""
    machine.keep("shop", "c1")
    assert run("fault", "pause", "leader", "--for", "0.01").code == 0
    assert "leader" in run("status").out
    assert "leader" not in run("status", "--destination", "orders").out
    assert run("status", "--destination", "No!").code == 2


def test_a_program_reads_one_document(machine: Machine, run: Run) -> None:
    """With --json the same is data; faults have their parameters and evidence."""
    machine.keep("shop", "c1")
    run("fault", "sever", "n2", "--link", "consumer")
    machine.clusters["c1"].kill("n3")
    cluster = json.loads(run("status", "--json").out)["clusters"][0]
    assert [node["state"] for node in cluster["nodes"]] == ["running", "running", "stopped"]
    assert [node["roles"] for node in cluster["nodes"]] == [["controller"], ["leader"], []]
    assert cluster["faults"][0]["params"] == {"target": "n2", "link": "consumer"}
    assert cluster["faults"][0]["evidence"] == "n2 answer over the admin link and not over consumer"
    assert (cluster["created"], cluster["expires"]) == (NOW - 300, NOW - 300 + 24 * 3600)


def test_what_is_kept_without_a_description_is_warned_of(machine: Machine, run: Run) -> None:
    """A start that was killed leaves containers that only their labels tell of."""
    machine.things.append(Thing(Kind.CONTAINER, "x", "x", "kept-torn", "c9", NOW, NOW + 60))
    done = run("status")
    assert done.code == 0
    assert "something is kept as 'torn' and not described here" in done.err
    assert "hint: harness down torn" in done.err
    assert json.loads(run("status", "--json").out)["undescribed"] == ["torn"]


def test_clusters_of_one_owner_go_by_their_ids(machine: Machine, run: Run) -> None:
    """A test run that keeps its clusters owns several."""
    machine.keep("20261127-run", "c1")
    machine.keep("20261127-run", "c2")
    assert [line[:3] for line in run("status").out.splitlines() if "nats@" in line] == ["c1:", "c2:"]
    assert run("status", "c2").code == 0


def test_what_is_gone_is_said(machine: Machine, run: Run) -> None:
    """Somebody has removed the containers behind our back."""
    machine.keep("shop", "c1")
    machine.things.clear()
    assert "shop: nats@2.15.2-n3-r3, nothing of it is left on the engine" in run("status").out

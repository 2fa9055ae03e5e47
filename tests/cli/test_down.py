"""``harness down``: what is kept goes, with its files, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

from harness.engine.sweep import Kind, Thing
from tests.cli.conftest import NOW, Machine, Run


def test_the_only_cluster_needs_no_name(machine: Machine, run: Run, state: Path) -> None:
    """Its files go with it, those about faults included."""
    machine.keep("shop", "c1")
    run("fault", "pause", "n1")
    done = run("down")
    assert done.code == 0
    assert done.out == "removed  shop, nats@2.15.2-n3-r3: containers, networks, volumes (3), files\n"
    assert done.err == "removing shop\n"
    assert machine.things == []
    assert list((state / "clusters").iterdir()) == []


def test_one_of_several_is_named(machine: Machine, run: Run) -> None:
    """A guess could remove the wrong one."""
    machine.keep("shop", "c1")
    machine.keep("store", "c2")
    assert run("down").code == 2
    assert run("down", "shpo").err.endswith("did you mean 'shop'? (known: shop, store)\n")
    assert run("down", "shop").code == 0
    assert {thing.cluster for thing in machine.things} == {"c2"}


def test_all_that_is_described_here_goes(machine: Machine, run: Run) -> None:
    """Another user's clusters have no description here, and stay."""
    machine.keep("shop", "c1")
    machine.keep("store", "c2")
    theirs = Thing(Kind.CONTAINER, "x", "x", "kept-theirs", "c9", NOW, NOW + 60)
    machine.things.append(theirs)
    removed = json.loads(run("down", "--all", "--json").out)["removed"]
    assert [each["name"] for each in removed] == ["shop", "store"]
    assert machine.things == [theirs]


def test_what_a_torn_start_left_goes_by_its_name(machine: Machine, run: Run) -> None:
    """Only its labels tell of it."""
    machine.things.append(Thing(Kind.CONTAINER, "x", "x", "kept-torn", "c9", NOW, NOW + 60))
    done = run("down", "torn")
    assert done.out == "removed  torn, not described here: containers, networks, volumes (1), files\n"
    assert machine.things == []


def test_nothing_to_remove(machine: Machine, run: Run) -> None:
    """All of nothing is done; one of nothing is an error."""
    assert run("down", "--all").out == "removed  nothing: no cluster is up\n"
    assert run("down").code == 1
    assert run("down", "shop", "--all").code == 2

"""``harness fault``: options read off the faults, seen to bite, and healed when their time is over."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from harness import faults
from harness.cli import fault as fault_module
from harness.cli.fault_options import fault_names, options
from harness.cli.in_force import faults_in_force
from harness.faults import Field, Hit, Kill, NoFault, Pause, targets
from harness.model.cluster import NodeState
from harness.model.errors import BadOption
from harness.scenario import striking
from tests.cli.conftest import Machine, Run


def test_a_fault_is_seen_to_bite_and_left_in_force(
    machine: Machine, run: Run, snapshot: SnapshotAssertion
) -> None:
    """What it hit and by what it was seen are told; the destination it needed was made."""
    cluster = machine.keep("shop", "c1")
    done = run("fault", "pause", "leader")
    assert done.code == 0
    assert done.out == snapshot(name="stdout")
    assert done.err == snapshot(name="stderr")
    assert cluster.state("n2") == NodeState(running=True, paused=True)


def test_the_destination_is_made_once(machine: Machine, run: Run) -> None:
    """A second fault finds it there, whatever state the cluster is in."""
    machine.keep("shop", "c1")
    assert "making destination" in run("fault", "kill", "n2").err
    assert "making destination" not in run("fault", "pause", "follower").err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("kill", "follower"), "kill(follower)"),
        (("sever", "--link", "publisher"), "sever(publisher)"),
        (("sever", "n2", "--link", "consumer"), "sever(consumer,n2)"),
        (("isolate", "n2", "--one-way"), "isolate(n2,one-way)"),
        (("isolate",), "isolate(leader)"),
        (("no-fault",), "no-fault"),
        (("nofault",), "no-fault"),
    ],
)
def test_every_fault_is_a_command(machine: Machine, run: Run, arguments: tuple[str, ...], text: str) -> None:
    """Its target by position, its other fields as options, its switches as flags; and it can be healed."""
    machine.keep("shop", "c1")
    document = json.loads(run("fault", *arguments, "--json").out)
    assert (document["text"], document["bitten"], document["cluster"]) == (text, True, "shop")
    assert document["evidence"]
    healed = json.loads(run("heal", "--json").out)["healed"]
    assert [each["text"] for each in healed] == [text]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("puase",), "unknown fault 'puase'; did you mean 'pause'?"),
        (("pause", "ledaer"), "unknown role 'ledaer'; did you mean 'leader'?"),
        (("pause", "n4"), "unknown node 'n4'; did you mean 'n3'? (known: n1, n2, n3)"),
        (("sever", "--link", "pubisher"), "unknown link 'pubisher'; did you mean 'publisher'?"),
        (("sever", "--link", "admin"), "unknown link 'admin'"),
        (("isolate", "--one-wya"), "--one-way"),
        (("pause", "n1", "n2"), "n2"),
        (("pause", "--cluster", "shpo"), "unknown cluster 'shpo'; did you mean 'shop'?"),
        (("pause", "--destination", "A b"), "use lower-case words joined by dots"),
        (("pause", "--for", "0"), "--for: 0.0 cannot be used"),
        (("pause", "--for", "inf"), "--for: inf cannot be used"),
        (("pause", "--for", "soon"), "Invalid value for '--for'"),
    ],
)
def test_misuse_exits_with_2(machine: Machine, run: Run, arguments: tuple[str, ...], told: str) -> None:
    """Nothing is injected then, and nothing is written down."""
    machine.keep("shop", "c1")
    done = run("fault", *arguments)
    assert done.code == 2
    assert told in done.err
    assert done.out == ""
    assert faults_in_force("c1") == []


def test_without_a_cluster_there_is_nothing_to_hit(machine: Machine, run: Run) -> None:
    """The hint says how to have one."""
    done = run("fault", "pause")
    assert (done.code, done.err) == (1, "error: no cluster is up\nhint: harness up nats --nodes 3\n")


def test_of_several_clusters_one_has_to_be_named(machine: Machine, run: Run) -> None:
    """A fault in the wrong cluster would be worse than a question."""
    machine.keep("shop", "c1")
    machine.keep("store", "c2")
    done = run("fault", "kill", "n1")
    assert (done.code, done.err) == (
        2,
        "error: several clusters are up: say which is meant (shop, store)\n",
    )
    assert run("fault", "kill", "n1", "--cluster", "store").code == 0
    assert machine.clusters["c1"].state("n1").running
    assert not machine.clusters["c2"].state("n1").running


def test_a_fault_that_does_not_bite_exits_with_1(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    """It stays written down, for something may be wrong all the same."""
    monkeypatch.setattr(striking, "BITE_WITHIN", 0.2)
    machine.keep("shop", "c1")
    run("fault", "kill", "n2")
    done = run("fault", "no-fault")
    assert done.code == 1
    assert done.out == snapshot
    assert done.err == "hint: harness heal --cluster shop\n"
    assert [each.fault for each in faults_in_force("c1")] == ["kill", "no-fault"]


def test_a_role_nobody_holds_is_no_fault(machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A destination that is not there has no leader, and the hint asks for it."""
    monkeypatch.setattr(targets, "HELD_WITHIN", 0.2)
    machine.keep("shop", "c1")
    done = run("fault", "pause", "leader", "--destination", "orders")
    assert done.code == 1
    assert done.err == (
        "error: no node is 'leader' of orders now, so there is nothing to hit\n"
        "hint: is there a destination 'orders'? Without --destination, one is made\n"
    )
    assert faults_in_force("c1") == []


def test_a_fault_heals_by_itself_after_its_time(machine: Machine, run: Run) -> None:
    """The command stays until then, and leaves nothing in force."""
    cluster = machine.keep("shop", "c1")
    done = run("fault", "pause", "leader", "--for", "0.05")
    assert done.code == 0
    assert done.err.endswith("in force for 0.05 s; Ctrl-C heals it at once\nhealed pause(leader)\n")
    assert cluster.state("n2") == NodeState(running=True, paused=False)
    assert faults_in_force("c1") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_heals_it_at_once(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Ctrl-C, a polite kill and a closed terminal all do; handlers are as they were afterwards."""
    before = signal.getsignal(number)
    cluster = machine.keep("shop", "c1")
    patched(monkeypatch, lambda _: signal.raise_signal(number))
    done = run("fault", "kill", "n2", "--for", "60")
    assert done.code == 0
    assert done.err.endswith("interrupted\nhealed kill(n2)\n")
    assert cluster.state("n2").running
    assert signal.getsignal(number) is before


def test_healing_leaves_other_faults_in_force(machine: Machine, run: Run) -> None:
    """Its time being over is no reason to end theirs."""
    machine.keep("shop", "c1")
    run("fault", "sever", "--link", "publisher")
    run("fault", "pause", "n2", "--for", "0.01")
    assert [each.fault for each in faults_in_force("c1")] == ["sever"]


def test_what_another_command_has_healed_is_left_alone(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time may be over only after somebody ran heal, or took the cluster down."""
    machine.keep("shop", "c1")
    patched(monkeypatch, lambda _: run("heal"))
    assert run("fault", "pause", "n2", "--for", "60").err.endswith(
        "nothing is left to heal: another command did\n"
    )


def test_an_injection_that_fails_undoes_everything(
    machine: Machine, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a torn injection has touched is not known."""

    async def torn(self: Kill, field: Field) -> Hit:
        field.cluster.kill("n2")
        raise KeyboardInterrupt

    cluster = machine.keep("shop", "c1")
    run("fault", "no-fault", "--for", "0.01")
    monkeypatch.setattr(Kill, "inject", torn)
    done = run("fault", "kill", "n2", "--for", "60")
    assert done.code == 130
    assert done.err.endswith("healed everything\n")
    assert cluster.state("n2").running


def patched(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], Any]) -> None:
    """Let this happen while a fault is in force."""
    monkeypatch.setattr(
        fault_module, "time", type("Clock", (), {"sleep": staticmethod(sleep), "time": time.time})
    )


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Paint(NoFault):
    """Paint the nodes ``target`` means in ``colour``."""

    seconds: float
    target: str = "all"
    colour: Colour = Colour.RED
    dry: bool = True
    json: str = ""
    extra: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"paint({self.target},{self.colour},{self.seconds:g},{self.dry},{self.json})"


@pytest.fixture
def paint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a fault of another package."""
    point = EntryPoint("paint", f"{__name__}:Paint", faults.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda _: Paint)
    monkeypatch.setattr(faults, "entry_points", lambda **_: [point])
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [point])


@pytest.mark.usefixtures("paint")
def test_a_fault_of_another_package_is_a_command_too(machine: Machine, run: Run) -> None:
    """Numbers, enumerations and switches are read as such; a name of ours gets a prefix."""
    machine.keep("shop", "c1")
    assert fault_names()[-1] == "paint"
    arguments = ("n1", "--seconds", "2", "--colour", "red", "--no-dry", "--fault-json", "x")
    done = run("fault", "paint", *arguments)
    assert done.out.startswith("fault     paint(n1,red,2,False,x) on shop\n")
    assert run("fault", "paint", "--seconds", "2", "--colour", "blue").code == 2
    assert run("fault", "paint").code == 2
    assert run("heal").out.startswith("healed  paint(n1,red,2,False,x)")


@pytest.mark.usefixtures("paint")
def test_the_help_of_a_fault_names_its_options(run: Run) -> None:
    """In its docstring too, fields are called what they are called on the command line."""
    done = run("fault", "paint", "--help")
    assert done.code == 0
    assert "Paint the nodes TARGET means in --colour." in done.out
    for word in ("[TARGET]", "--seconds", "--no-dry", "--fault-json", "--for SECONDS", "--destination NAME"):
        assert word in done.out
    assert "--extra" not in done.out


def test_a_fault_whose_fields_cannot_be_written_is_refused() -> None:
    """Better than to inject it with something else."""

    @dataclass(frozen=True)
    class Odd(NoFault):
        edges: tuple[str, ...]

    with pytest.raises(BadOption, match="edges"):
        list(options(Odd))
    with pytest.raises(BadOption, match="no dataclass"):
        list(options(type("Bare", (), {})))


def test_a_pause_is_pause_whatever_the_case(machine: Machine, run: Run) -> None:
    """Names of faults are taken as the registry takes them."""
    machine.keep("shop", "c1")
    assert run("fault", "Pause", "n1").code == 0
    assert faults_in_force("c1")[0].text == str(Pause("n1"))

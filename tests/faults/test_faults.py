"""What each fault does to a cluster, what it takes for evidence, and that healing is its inverse."""

from __future__ import annotations

import pytest

from harness.faults import FAULTS, Fault, Isolate, Kill, NoFault, Pause, Sever, fault_class
from harness.faults.contract import Hit
from harness.model.errors import UnknownName
from harness.model.link import Link
from tests.scenario.doubles import ToldCluster, ToldObserver, field_of
from tests.scenario.virtual_time import at_once

ALL = frozenset({"n1", "n2", "n3"})


@pytest.mark.parametrize(
    ("fault", "injected", "healed"),
    [
        (NoFault(), [], []),
        (Pause("leader"), ["pause n1"], ["unpause n1"]),
        (Pause("all"), ["pause n1", "pause n2", "pause n3"], ["unpause n1", "unpause n2", "unpause n3"]),
        (Kill("follower"), ["kill n2"], ["start n2"]),
        (Isolate("leader"), ["cut n1>n2 n1>n3 n2>n1 n3>n1"], ["mend n1>n2 n1>n3 n2>n1 n3>n1"]),
        (Isolate("n3", one_way=True), ["cut n3>n1 n3>n2"], ["mend n3>n1 n3>n2"]),
        (Sever("consumer"), ["sever consumer n1 n2 n3"], ["restore consumer n1 n2 n3"]),
        (
            Sever("both", "leader"),
            ["sever publisher n1", "sever consumer n1"],
            ["restore publisher n1", "restore consumer n1"],
        ),
    ],
    ids=str,
)
@at_once
async def test_a_fault_does_this_and_undoes_it(fault: Fault, injected: list[str], healed: list[str]) -> None:
    """Exactly these controls, on the nodes that held the role when it was injected."""
    cluster, observer = ToldCluster(), ToldObserver()
    field = field_of(cluster, observer)
    hit = await fault.inject(field)
    assert cluster.done == injected
    observer.leading = [("n2",)]
    cluster.done.clear()
    await fault.heal(field, hit)
    assert cluster.done == healed


@pytest.mark.parametrize("fault", [Pause("leader"), Kill("leader")], ids=str)
@at_once
async def test_a_node_that_answers_is_not_hit(fault: Fault) -> None:
    """Silence of every hit node is the evidence, not the engine's word."""
    observer = ToldObserver()
    field = field_of(ToldCluster(), observer)
    hit = Hit(("n1", "n2"), ("n1",))
    observer.silent = {"n1"}
    assert await fault.verify(field, hit) == ""
    observer.silent = {"n1", "n2"}
    assert await fault.verify(field, hit) == "n1, n2 did not answer a protocol request"


@at_once
async def test_an_isolated_node_is_alone_and_alive() -> None:
    """Every other node believes it gone, while it answers us: a dead one would prove another fault."""
    observer = ToldObserver()
    field, hit, fault = field_of(ToldCluster(), observer), Hit(("n1",), ("n1",)), Isolate("leader")
    assert await fault.verify(field, hit) == ""
    observer.alive = {"n2": frozenset({"n3"})}
    assert await fault.verify(field, hit) == ""
    observer.alive = {"n2": frozenset({"n3"}), "n3": frozenset({"n2"})}
    assert await fault.verify(field, hit) == "n2, n3 no longer see n1"
    observer.silent = {"n1"}
    assert await fault.verify(field, hit) == ""


@at_once
async def test_a_severed_link_is_silent_while_ours_is_not() -> None:
    """A node that answers nobody is dead rather than severed; each link of the fault has to be cut."""
    observer = ToldObserver()
    field, hit, fault = field_of(ToldCluster(), observer), Hit(("n1",)), Sever("both", "n1")
    observer.silent = {("n1", Link.PUBLISHER)}
    assert await fault.verify(field, hit) == ""
    observer.silent |= {("n1", Link.CONSUMER)}
    assert "over the admin link and not over both" in await fault.verify(field, hit)
    observer.silent |= {"n1"}
    assert await fault.verify(field, hit) == ""


@at_once
async def test_no_fault_holds_while_every_node_answers() -> None:
    """The control case is no control if a node is down."""
    observer = ToldObserver()
    field, fault = field_of(ToldCluster(), observer), NoFault()
    hit = await fault.inject(field)
    assert hit == Hit((), ("n1",))
    assert await fault.verify(field, hit) == "every node answers"
    assert await fault.reacted(field, hit) != ""
    observer.silent = {"n2"}
    assert await fault.verify(field, hit) == ""


REACTIVE = [Pause("leader"), Kill("leader"), Isolate("leader")]


@pytest.mark.parametrize("fault", REACTIVE, ids=str)
@at_once
async def test_a_lost_leader_is_reacted_to_by_another(fault: Fault) -> None:
    """Of every partition, and by nobody who was hit; a vacancy is no reaction."""
    observer = ToldObserver()
    field, hit = field_of(ToldCluster(), observer), Hit(("n1",), ("n1", "n2"))
    for leaders, reacted in [
        (("n1", "n2"), False),
        (("", "n2"), False),
        ((), False),
        (("n3", "n1"), False),
        (("n3", "n2"), True),
    ]:
        observer.leading = [leaders]
        assert bool(await fault.reacted(field, hit)) is reacted


@pytest.mark.parametrize("fault", REACTIVE, ids=str)
@at_once
async def test_a_lost_follower_is_reacted_to_by_its_peers(fault: Fault) -> None:
    """They see it gone; who leads what it did not lead says nothing."""
    observer = ToldObserver(leading=[("n1",)])
    field, hit = field_of(ToldCluster(), observer), Hit(("n3",), ("n1",))
    assert await fault.reacted(field, hit) == ""
    observer.alive = {"n1": ALL - {"n3"}, "n2": ALL - {"n3"}}
    assert "no longer see n3" in await fault.reacted(field, hit)


@pytest.mark.parametrize("fault", REACTIVE, ids=str)
@pytest.mark.parametrize(("nodes", "hit"), [(("n1",), ("n1",)), (("n1", "n2", "n3"), ("n1", "n2"))])
@at_once
async def test_too_few_to_react_are_not_waited_for(
    fault: Fault, nodes: tuple[str, ...], hit: tuple[str, ...]
) -> None:
    """A minority elects nobody: healing it late would not change that."""
    field = field_of(ToldCluster(*nodes), ToldObserver(leading=[("",)]))
    assert await fault.reacted(field, Hit(hit, ("n1",))) == "too few nodes are left to react"


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (NoFault(), "no-fault"),
        (Pause(), "pause(leader)"),
        (Kill("n2"), "kill(n2)"),
        (Isolate("minority", one_way=True), "isolate(minority,one-way)"),
        (Sever(), "sever(both)"),
        (Sever("consumer", "leader"), "sever(consumer,leader)"),
    ],
)
def test_a_faults_name_is_its_call(fault: Fault, name: str) -> None:
    """As ids of tests and histories show it."""
    assert str(fault) == name


@pytest.mark.parametrize("fault", [Pause, Kill, Isolate])
def test_a_wrong_target_is_refused_when_the_fault_is_made(fault: type[Pause]) -> None:
    """With the nearest role there is."""
    with pytest.raises(UnknownName, match="did you mean 'follower'"):
        fault("folower")


def test_a_wrong_link_is_refused_when_the_fault_is_made() -> None:
    """The admin link, which our own eyes use, cannot be severed."""
    with pytest.raises(UnknownName, match="did you mean 'consumer'"):
        Sever("consumers")
    with pytest.raises(UnknownName, match="unknown link 'admin'"):
        Sever("admin")


def test_faults_are_found_by_name() -> None:
    """In any case of letters; others are refused with the nearest name."""
    for fault in FAULTS:
        assert fault_class(fault.__name__.lower()) is fault
    with pytest.raises(UnknownName, match="did you mean 'isolate'"):
        fault_class("isolated")

"""A fault in force: whatever goes wrong with it, it is recorded, bounded and healed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio
import pytest

from harness.faults.contract import Fault
from harness.faults.kill import Kill
from harness.model.errors import DeadlineExceeded, NothingToTarget
from harness.scenario.striking import BITE_WITHIN, HEAL_WITHIN, INJECT_WITHIN, REACT_WITHIN, Strike, striking
from tests.scenario.doubles import Notebook, ToldCluster, ToldFault, ToldObserver, field_of
from tests.scenario.virtual_time import at_once

SOON = 1.0
"""Seconds within which what is not bounded by a constant has to be done."""


class Ground:
    """Where a fault strikes, and what came of it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.cluster = ToldCluster()
        self.observer = ToldObserver()
        self.failed_to_heal = 0
        self.looks = 0

    def _count_failure(self) -> None:
        self.failed_to_heal += 1

    async def _look(self) -> None:
        self.looks += 1

    async def strike(self, fault: Fault, body: Callable[[Strike], Awaitable[None]] | None = None) -> None:
        """Have the fault in force while ``body`` runs."""
        field = field_of(self.cluster, self.observer)
        async with striking(fault, field, self.notebook.ledger, self._count_failure, self._look) as strike:
            if body is not None:
                await body(strike)


@pytest.fixture
def ground(notebook: Notebook) -> Ground:
    """A cluster of three that does nothing by itself."""
    return Ground(notebook)


async def refuse() -> None:
    """Fail, as an engine does."""
    raise OSError("the engine refused")


async def nothing_seen() -> str:
    """Have no evidence."""
    return ""


@at_once
async def test_a_fault_goes_through_its_stages_in_order(ground: Ground) -> None:
    """Recorded before it is injected, seen to bite and to be reacted to, and healed, each with evidence."""
    fault = ToldFault()
    await ground.strike(fault)
    assert ground.notebook.stages() == ["injecting", "injected", "bitten", "reacted", "healing", "healed"]
    assert fault.steps == ["inject", "verify", "reacted", "heal n1"]
    injecting, injected, bitten, *_ = ground.notebook.faults()
    assert (injecting.number, injecting.fault, injecting.nodes) == (1, "told", ())
    assert (injected.nodes, bitten.detail) == (("n1",), "seen")
    assert (ground.looks, ground.failed_to_heal) == (1, 0)


@at_once
async def test_faults_are_numbered(ground: Ground) -> None:
    """The second fault of a case is told from the first."""
    await ground.strike(ToldFault())
    await ground.strike(ToldFault())
    assert {record.number for record in ground.notebook.faults()} == {1, 2}


@at_once
async def test_a_fault_that_does_not_bite_is_recorded_and_healed(ground: Ground) -> None:
    """It is looked for until a deadline, the scenario goes on, and the record says what was seen."""
    begun = time.monotonic()
    await ground.strike(ToldFault(verifying=nothing_seen))
    assert "not bitten" in ground.notebook.stages()
    assert "bitten" not in ground.notebook.stages()
    assert ground.notebook.stages()[-1] == "healed"
    assert BITE_WITHIN <= time.monotonic() - begun < BITE_WITHIN + SOON


@at_once
async def test_a_verification_that_raises_or_hangs_is_no_bite(ground: Ground) -> None:
    """What it raised, or that nothing was seen, is the record's detail."""
    await ground.strike(ToldFault(verifying=refuse))
    await ground.strike(ToldFault(verifying=anyio.sleep_forever))
    details = [record.detail for record in ground.notebook.faults() if record.stage == "not bitten"]
    assert "the engine refused" in details[0]
    assert "last seen: nothing" in details[1]


@at_once
async def test_a_cluster_that_does_not_react_is_waited_for_and_told_of(ground: Ground) -> None:
    """Healing waits for the reaction until a deadline, and then takes place."""
    begun = time.monotonic()
    await ground.strike(ToldFault(reacting=nothing_seen))
    assert ground.notebook.stages()[-3:] == ["not reacted", "healing", "healed"]
    assert REACT_WITHIN <= time.monotonic() - begun < REACT_WITHIN + SOON


@at_once
async def test_a_scenario_that_waited_for_the_reaction_does_not_wait_again(ground: Ground) -> None:
    """The reaction is asked for once, in the scenario's own time."""
    fault = ToldFault(reacting=nothing_seen)
    await ground.strike(fault, lambda strike: strike.noticed(within=0.5))
    assert ground.notebook.stages().count("not reacted") == 1


@at_once
async def test_an_injection_that_raises_is_undone_as_a_whole(ground: Ground) -> None:
    """Nobody knows how far it came, so everything is undone, and the error is the scenario's."""
    fault = ToldFault(injecting=refuse)
    with pytest.raises(OSError, match="refused"):
        await ground.strike(fault)
    assert ground.notebook.stages() == ["injecting", "healing", "healed"]
    assert ground.cluster.done == ["heal"]


@at_once
async def test_a_half_done_injection_leaves_no_node_down(ground: Ground) -> None:
    """Of two nodes to kill one was killed when the engine failed: it does not stay dead."""
    ground.cluster.fails["kill n2"] = OSError("the engine refused")
    with pytest.raises(OSError, match="refused"):
        await ground.strike(Kill("all"))
    assert ground.cluster.done == ["kill n1", "kill n2", "heal"]


@at_once
async def test_an_injection_that_hangs_is_given_up(ground: Ground) -> None:
    """It raises after its time, and is undone."""
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        await ground.strike(ToldFault(injecting=anyio.sleep_forever))
    assert INJECT_WITHIN <= time.monotonic() - begun < INJECT_WITHIN + SOON
    assert ground.notebook.stages()[-1] == "healed"


@at_once
async def test_a_role_that_nobody_holds_is_an_error_of_the_scenario(ground: Ground) -> None:
    """There is nothing to hit, which is said with the role."""
    ground.observer.leading = [("",)]
    with pytest.raises(NothingToTarget, match="leader"):
        await ground.strike(Kill("leader"))
    assert ground.notebook.stages() == ["injecting", "healing", "healed"]


@at_once
async def test_a_healing_that_raises_spoils_the_cluster_and_not_the_scenario(ground: Ground) -> None:
    """It is recorded with its error; the cluster is not to be used again."""
    await ground.strike(ToldFault(healing=refuse))
    assert ground.notebook.stages()[-1] == "heal failed"
    assert "the engine refused" in ground.notebook.faults()[-1].detail
    assert ground.failed_to_heal == 1


@at_once
async def test_a_healing_that_hangs_is_given_up(ground: Ground) -> None:
    """It is bounded, recorded as failed, and the scenario goes on."""
    begun = time.monotonic()
    await ground.strike(ToldFault(healing=anyio.sleep_forever))
    assert HEAL_WITHIN <= time.monotonic() - begun < HEAL_WITHIN + SOON
    assert "TimeoutError" in ground.notebook.faults()[-1].detail
    assert ground.failed_to_heal == 1


@at_once
async def test_a_scenario_that_fails_is_healed_without_waiting(ground: Ground) -> None:
    """No reaction is waited for, and the scenario's own error gets out."""

    async def failing(_: Strike) -> None:
        raise DeadlineExceeded("something", 1.0, "nothing")

    begun = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="something"):
        await ground.strike(ToldFault(reacting=nothing_seen), failing)
    assert ground.notebook.stages() == ["injecting", "injected", "bitten", "healing", "healed"]
    assert time.monotonic() - begun < SOON


@pytest.mark.parametrize("step", ["injecting", "verifying", "body", "reacting"])
def test_a_case_cancelled_while_a_fault_is_in_force_is_healed(ground: Ground, step: str) -> None:
    """Wherever its deadline meets it, healing runs to its end, however many awaits that takes."""

    async def healing() -> None:
        await anyio.sleep(1.0)
        await anyio.sleep(1.0)

    async def forever(_: Strike) -> None:
        await anyio.sleep_forever()

    @at_once
    async def cancelled() -> None:
        fault = ToldFault(healing=healing)
        if step != "body":
            setattr(fault, step, anyio.sleep_forever)
        with anyio.move_on_after(3.0) as scope:
            await ground.strike(fault, forever if step == "body" else None)
        assert scope.cancelled_caught

    cancelled()
    assert ground.notebook.stages()[-2:] == ["healing", "healed"]


@at_once
async def test_a_moved_leader_is_waited_for(ground: Ground) -> None:
    """A hit leader that is still named is not moved; another one, and no empty name, is."""
    ground.observer.leading = [("n1",), ("",), OSError("no answer"), ("n2",)]

    async def body(strike: Strike) -> None:
        assert strike.nodes == ("n1",)
        await strike.role_moved(within=5.0)

    await ground.strike(ToldFault(), body)
    assert ground.observer.leading == [("n2",)]


@at_once
async def test_a_leader_that_does_not_move_is_named(ground: Ground) -> None:
    """The error says which fault, which destination, and which node it stayed on."""

    async def body(strike: Strike) -> None:
        await strike.role_moved(within=5.0)

    with pytest.raises(DeadlineExceeded, match=r"told: leader of orders moved off n1: not within 5 s"):
        await ground.strike(ToldFault(), body)

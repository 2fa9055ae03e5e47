"""Leave nothing behind: whoever is killed while faults are in force, all of the run is gone in 10 s."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from .remains import Bystanders, state_files, until_nothing
from .victim import Victim

# Runs within a run: beside others they would be late for reasons that are nobody's fault.
pytestmark = pytest.mark.nightly

Start = Callable[..., Victim]

WITHIN = 10.0
"""Seconds from the kill until nothing is left."""

ENDED_WITHIN = 120.0
"""Seconds in which a run ends that nobody has killed."""

KILLS = int(os.environ.get("BROKER_HARNESS_KILLS", "1"))
"""How many kills at a random moment; a hundred of them take a quarter of an hour."""

MOMENTS = 12.0
"""Seconds after its start in which a run is killed: while it boots, while it is struck, while it heals."""

HOLDING = """
from pathlib import Path

import anyio
import pytest

from harness import ConsumerConfig, NoLostMessages, Pause, Sever

@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.deadline(90)
@pytest.mark.parametrize("fault", [Pause("leader"), Sever("publisher")], ids=str)
async def test_struck(case, fault):
    orders = await case.destination("orders")
    case.consumer_process(await case.destination("events"), ConsumerConfig(group="audit"))
    async with case.publishing(orders), case.consuming(orders, group="billing"):
        async with case.fault(fault, at=orders):
            with anyio.move_on_after(60):
                while not Path("go on").exists():
                    await anyio.sleep(0.05)
    await case.drained(orders)
    case.check(NoLostMessages())
"""
"""Two cases on each size of cluster, each with a fault in force until it is told to go on."""

BRIEF = (
    HOLDING.replace("move_on_after(60)", "move_on_after(0.5)")
    .replace("async def", '@pytest.mark.parametrize("turn", range(20))\nasync def')
    .replace("(case, fault)", "(case, fault, turn)")
)
"""The same again and again, with faults that are healed, so that clusters change hands."""

NEXT = """
import pytest

@pytest.mark.cluster(nodes=1)
async def test_next(case):
    await case.publish(await case.destination("orders"), case.message())
"""
"""The next run, which begins with a sweep."""


def assert_nothing_is_left(victim: Victim, bystanders: Bystanders, files: set[str]) -> None:
    """In 10 s from now no process, container, network, volume and state file of the victim is there."""

    def left() -> list[str]:
        things = bystanders.engine.owned(victim.owner) if victim.owner else []
        return [*things, *victim.processes(), *sorted(state_files(bystanders.state) - files)]

    seconds = until_nothing(left, "nothing left of the run", WITHIN)
    print(f"nothing was left after {seconds:.1f} s")  # noqa: T201 - shown with -s, and when something fails


@pytest.mark.parametrize(
    ("killed", "nodes"),
    [(("controller",), 1), (("controller",), 3), (("controller", "workers"), 1), (("ctrl-c",), 1)],
    ids=lambda value: value if isinstance(value, int) else "+".join(value),
)
def test_a_killed_run_is_gone(
    start: Start, bystanders: Bystanders, backend: str, killed: tuple[str, ...], nodes: int
) -> None:
    """Without its controller, or controller and workers, or interrupted, a run leaves nothing to anybody."""
    seen, files = bystanders.seen(), bystanders.files()
    # The larger cluster once, and there without workers.
    workers = 0 if nodes == 3 else 2
    victim = start(HOLDING, "--backend", backend, f"-n{workers}", "--nodes", str(nodes))
    victim.await_faults(workers or 1)

    victim.kill(*killed)

    assert_nothing_is_left(victim, bystanders, files)
    assert bystanders.seen() == seen


def test_a_killed_worker_is_replaced(start: Start, bystanders: Bystanders, backend: str) -> None:
    """Its cluster goes, its case is unknown, the other worker's case passes, and the run ends clean."""
    seen, files = bystanders.seen(), bystanders.files()
    victim = start(HOLDING, "--backend", backend, "-n2", "--nodes", "1")
    victim.await_faults(2)

    victim.kill_worker("pause")

    until_nothing(
        lambda: [thing for thing in bystanders.engine.owned(victim.owner) if "paused" in thing],
        "nothing of the killed worker is left paused",
        WITHIN,
    )
    victim.say("go on")
    assert victim.wait(ENDED_WITHIN) == pytest.ExitCode.TESTS_FAILED
    assert " 1 passed, 1 unknown in " in victim.output()
    assert_nothing_is_left(victim, bystanders, files)
    assert bystanders.seen() == seen


def test_the_next_start_sweeps_what_nobody_watched_over(
    start: Start, bystanders: Bystanders, backend: str
) -> None:
    """With the janitor killed too, the sweep of the next run takes it all, and nothing else."""
    seen, files = bystanders.seen(), bystanders.files()
    victim = start(HOLDING, "--backend", backend, "-n2", "--nodes", "1")
    victim.await_faults(2)

    victim.kill("janitor", "controller")
    left = bystanders.engine.owned(victim.owner)
    following = start(NEXT, "--backend", backend)

    assert [thing for thing in left if "paused" in thing]
    assert following.wait(ENDED_WITHIN) == pytest.ExitCode.OK, following.output()
    assert_nothing_is_left(victim, bystanders, files)
    assert bystanders.seen() == seen


DEATHS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("controller",),),
    (("controller", "workers"),),
    (("workers",), ("controller",)),
    (("janitor", "controller"),),
    (("janitor", "controller", "workers"),),
    (("janitor",), ("ctrl-c",)),
    (("ctrl-c",),),
    (("interrupt",),),
)
"""Who is killed at once, and who a while later."""


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_kill_at_any_moment(start: Start, bystanders: Bystanders, seed: int, backend: str) -> None:
    """Booting, striking, healing, ending: there is no moment at which a death leaves something."""
    seen, files = bystanders.seen(), bystanders.files()
    rng = random.Random(seed)
    deaths, source = rng.choice(DEATHS), rng.choice((HOLDING, BRIEF))
    victim = start(source, "--backend", backend, rng.choice(("-n2", "-n0")), "--nodes", rng.choice("113"))
    victim.passes_by(rng.uniform(0.5, MOMENTS))

    watched = True
    for roles in deaths:
        watched = victim.kill(*roles) and watched
        victim.passes_by(rng.uniform(0, 2))
    # Who is only interrupted ends by itself, but not before what it boots has booted.
    victim.wait(ENDED_WITHIN)
    if not watched or "janitor" in deaths[0]:
        # Nobody was there to clean up, at the very beginning too: the next run does it.
        following = start(NEXT, "--backend", backend)
        assert following.wait(ENDED_WITHIN) == pytest.ExitCode.OK, following.output()

    assert_nothing_is_left(victim, bystanders, files)
    assert bystanders.seen() == seen

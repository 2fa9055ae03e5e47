"""Plans: what they draw, what they print, what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.faults import CutEdges, Fault, Kill, Pause
from harness.faults.compose import (
    Hold,
    Plan,
    Quiet,
    all_of,
    faults_of,
    flapping,
    hold,
    in_sequence,
    mix,
    quiet,
    repeat,
)
from harness.model.cluster import Edge
from harness.model.errors import BadOption

FAULTS: list[Fault] = [Pause("leader"), Kill("follower"), CutEdges((Edge("controller", "others", 9093),))]

PLANS: list[Plan] = [
    hold(Pause(), 1.5),
    flapping(Kill("n1"), down=0.5, up=1.0, times=3),
    all_of(in_sequence(quiet(1), hold(Pause("n2"), 2)), hold(FAULTS[2], 3.0)),
    mix(FAULTS, seed=7, seconds=15),
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: type(plan).__name__)
def test_the_printed_lines_make_an_equal_plan(plan: Plan) -> None:
    """What ``as_python`` prints runs as it is."""
    scope: dict[str, Any] = {}
    exec(plan.as_python(), scope)  # noqa: S102 - running it is the point
    assert scope["plan"] == plan


def test_a_plan_reads_like_the_scenario_it_came_from() -> None:
    """The lines name what is used, and nothing else."""
    plan = in_sequence(hold(Pause("leader"), 1.5), quiet(0.5))
    assert plan.as_python() == (
        "from harness import Pause, hold, in_sequence, quiet\n\n"
        "plan = in_sequence(\n    hold(Pause(target='leader'), 1.5),\n    quiet(0.5),\n)\n"
    )


def test_a_mix_is_the_same_for_the_same_seed() -> None:
    """Another seed draws another plan; every plan is as long as it was asked to be, with quiet times."""
    first, again, other = (mix(FAULTS, seed=seed, seconds=15) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    seconds = sum(step.seconds for step in first.plans if isinstance(step, Hold | Quiet))
    assert 15 <= seconds <= 20
    assert len(first.plans) == 2 * len(list(faults_of(first)))


def test_the_faults_of_a_plan_are_counted_as_often_as_they_come_up() -> None:
    """A repetition counts each time."""
    assert len(list(faults_of(repeat(all_of(hold(Pause(), 1), hold(Kill(), 1)), 3)))) == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: hold(Pause(), 0),
        lambda: quiet(-1),
        lambda: repeat(quiet(1), 0),
        all_of,
        in_sequence,
        lambda: mix([], seed=1, seconds=1),
        lambda: mix(FAULTS, seed=1, seconds=1, held=(2.0, 1.0)),
    ],
    ids=[
        "no-time",
        "negative-time",
        "no-times",
        "nothing-at-once",
        "nothing-in-turn",
        "no-faults",
        "most-below-least",
    ],
)
def test_what_would_do_nothing_is_refused(wrong: Callable[[], Plan]) -> None:
    """No time, no times, nothing to choose from."""
    with pytest.raises(BadOption):
        wrong()

"""Several faults as one plan: side by side, one after the other, again and again, drawn from a seed.

A plan is data. It says what is to be in force for how long, and prints the Python that makes it
again; ``Case.plan`` carries it out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.faults.contract import Fault
from harness.model.errors import BadOption


@dataclass(frozen=True, slots=True)
class Hold:
    """Have a fault in force for ``seconds`` after it is seen to bite."""

    fault: Fault
    seconds: float

    def as_python(self) -> str:
        """The lines of Python that make this plan."""
        return script(self)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Have nothing more go wrong for ``seconds``."""

    seconds: float

    def as_python(self) -> str:
        """The lines of Python that make this plan."""
        return script(self)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Begin all at once; over when the last one is."""

    plans: tuple[Plan, ...]

    def as_python(self) -> str:
        """The lines of Python that make this plan."""
        return script(self)


@dataclass(frozen=True, slots=True)
class InSequence:
    """Begin each when the one before is over."""

    plans: tuple[Plan, ...]

    def as_python(self) -> str:
        """The lines of Python that make this plan."""
        return script(self)


@dataclass(frozen=True, slots=True)
class Repeat:
    """Carry the plan out ``times`` times."""

    plan: Plan
    times: int

    def as_python(self) -> str:
        """The lines of Python that make this plan."""
        return script(self)


Plan = Hold | Quiet | AllOf | InSequence | Repeat


def hold(fault: Fault, seconds: float) -> Hold:
    """``fault`` in force for ``seconds`` after it is seen to bite; raises ``BadOption`` unless positive."""
    return Hold(fault, _positive("seconds", seconds))


def quiet(seconds: float) -> Quiet:
    """``seconds`` without a new fault; raises ``BadOption`` unless positive."""
    return Quiet(_positive("seconds", seconds))


def all_of(*plans: Plan) -> AllOf:
    """All side by side; raises ``BadOption`` for none."""
    return AllOf(_some(plans))


def in_sequence(*plans: Plan) -> InSequence:
    """One after the other; raises ``BadOption`` for none."""
    return InSequence(_some(plans))


def repeat(plan: Plan, times: int) -> Repeat:
    """``plan`` again and again; raises ``BadOption`` for less than once."""
    if times < 1:
        raise BadOption("times", times, "at least once is needed")
    return Repeat(plan, times)


def flapping(fault: Fault, *, down: float, up: float, times: int) -> Repeat:
    """``fault`` in force for ``down`` seconds, then not for ``up``, ``times`` times."""
    return repeat(in_sequence(hold(fault, down), quiet(up)), times)


def mix(
    faults: Sequence[Fault],
    *,
    seed: int,
    seconds: float,
    held: tuple[float, float] = (1.0, 3.0),
    pause: tuple[float, float] = (0.5, 2.0),
) -> InSequence:
    """A plan drawn at random from ``faults``, the same for the same arguments.

    ``held`` and ``pause`` are the least and the most seconds of each fault, and of the quiet after
    it; ``seconds`` is what they add up to at least. Raises ``BadOption`` where there is nothing to draw.
    """
    if not faults:
        raise BadOption("faults", faults, "at least one is needed")
    for name, (least, most) in {"held": held, "pause": pause}.items():
        if not 0 < least <= most:
            raise BadOption(name, (least, most), "the least and the most seconds are needed, both above 0")
    rng = random.Random(seed)
    steps: list[Plan] = []
    left = _positive("seconds", seconds)
    while left > 0:
        drawn = hold(rng.choice(faults), round(rng.uniform(*held), 2))
        rest = quiet(round(rng.uniform(*pause), 2))
        steps += [drawn, rest]
        left -= drawn.seconds + rest.seconds
    return in_sequence(*steps)


def faults_of(plan: Plan) -> Iterator[Fault]:
    """Every fault of a plan, as often as it comes up."""
    match plan:
        case Hold():
            yield plan.fault
        case Repeat():
            for _ in range(plan.times):
                yield from faults_of(plan.plan)
        case AllOf() | InSequence():
            for part in plan.plans:
                yield from faults_of(part)


def script(plan: Plan) -> str:
    """The imports a plan needs and the plan, as lines of Python that make an equal one."""
    text = _code(plan, 0)
    names = ("all_of", "hold", "in_sequence", "quiet", "repeat", "Edge")
    wanted = {"harness": {name for name in names if f"{name}(" in text}}
    for kind in {type(fault) for fault in faults_of(plan)}:
        home = "harness" if kind.__module__.startswith("harness.faults.") else kind.__module__
        wanted.setdefault(home, set()).add(kind.__name__)
    imports = [f"from {home} import {', '.join(sorted(found))}" for home, found in sorted(wanted.items())]
    return "\n".join([*imports, "", f"plan = {text}", ""])


def _code(plan: Plan, depth: int) -> str:
    match plan:
        case Hold():
            return f"hold({plan.fault!r}, {plan.seconds!r})"
        case Quiet():
            return f"quiet({plan.seconds!r})"
        case Repeat():
            return f"repeat({_code(plan.plan, depth)}, {plan.times})"
        case AllOf() | InSequence():
            name = "all_of" if isinstance(plan, AllOf) else "in_sequence"
            inner = "    " * (depth + 1)
            lines = "".join(f"{inner}{_code(part, depth + 1)},\n" for part in plan.plans)
            return f"{name}(\n{lines}{'    ' * depth})"


def _positive(name: str, seconds: float) -> float:
    if seconds <= 0:
        raise BadOption(name, seconds, "more than 0 seconds are needed")
    return seconds


def _some(plans: tuple[Plan, ...]) -> tuple[Plan, ...]:
    if not plans:
        raise BadOption("plans", plans, "at least one is needed")
    return plans

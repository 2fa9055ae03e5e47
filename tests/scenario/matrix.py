"""Every cell of the shared suites that the memory backend can play, read off the suites themselves."""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.backends import BACKENDS
from harness.backends.memory import BACKEND
from harness.scenario.case import Case

SUITES = Path(__file__).resolve().parents[2] / "suites"
PACKAGE = "played_suites"
NOT_SHARED = {*(name for name, _ in BACKENDS), "bugs", "chaos", "injectors", "plans", "router"}
"""Folders of scenarios that are one backend's own, or that need more than a broker."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A scenario of the suites with its parameters, on a count of nodes."""

    function: Any
    parameters: tuple[tuple[str, Any], ...]
    nodes: int

    def __str__(self) -> str:
        own = "".join(f"{value}-" for _, value in self.parameters)
        return f"{self.function.__name__.removeprefix('test_')}[{own}n{self.nodes}]"

    async def __call__(self, case: Case) -> None:
        """Play it."""
        await self.function(case, **dict(self.parameters))


def cells() -> Iterator[Cell]:
    """Every cell, in the order of the files."""
    _import_suites()
    for path in sorted(SUITES.rglob("test_*.py")):
        parts = path.relative_to(SUITES).with_suffix("").parts
        if not NOT_SHARED.intersection(parts):
            module = importlib.import_module(".".join([PACKAGE, *parts]))
            for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
                if name.startswith("test_"):
                    yield from _of(function)


def _import_suites() -> None:
    # Under a name of our own: in a checkout nothing else is sure to find them, and the ones that
    # are installed with the harness may be other than these.
    if PACKAGE not in sys.modules:
        where = [str(SUITES)]
        spec = importlib.util.spec_from_file_location(
            PACKAGE, SUITES / "__init__.py", submodule_search_locations=where
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[PACKAGE])


def _of(function: Any) -> Iterator[Cell]:
    nodes: tuple[int, ...] = (1,)
    backends: tuple[str, ...] = (BACKEND.name,)
    choices: dict[str, list[Any]] = {}
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "cluster":
            wanted = mark.kwargs.get("nodes", nodes)
            nodes = wanted if isinstance(wanted, tuple) else (wanted,)
            backends = mark.kwargs.get("backends", backends)
        elif mark.name == "parametrize":
            choices[mark.args[0]] = list(mark.args[1])
    if BACKEND.name in backends and set(inspect.signature(function).parameters) == {"case", *choices}:
        for count in set(nodes) & set(BACKEND.node_counts):
            for values in itertools.product(*choices.values()):
                yield Cell(function, tuple(zip(choices, values, strict=True)), count)

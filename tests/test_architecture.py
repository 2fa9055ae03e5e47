"""The rules of the code that no linter knows: who may import whom, how big things get, what is written.

They are read off the sources, so nothing has to be importable for them to be checked.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "harness"

RANKS: tuple[frozenset[str], ...] = (
    frozenset({"model", "history", "waits"}),  # waits need errors only, and everything waits
    frozenset({"engine", "checkers", "metrics"}),
    frozenset({"faults", "backends"}),
    frozenset({"workloads", "scenario", "doubles"}),
    frozenset({"pytest_plugin", "plugin", "cli", "reports"}),
)
"""Who may import whom: a part imports its own rank and those before it."""

FACADE = "__init__"
"""``harness/__init__.py`` names everything, and is imported by nothing in the package."""

CLIENTS = frozenset({"docker", "testcontainers", "nats", "confluent_kafka", "redis", "toxiproxy"})

AT_PYTEST_START = ("harness", "harness.pytest_plugin")
"""What every start of pytest imports where the harness is installed."""

HEAVY = (*CLIENTS, "anyio", "msgspec", "typer", "jinja2", "rich", "requests", "filelock", "execnet")

FUNCTION_MEDIAN, FUNCTION_P90, FUNCTION_MOST = 10, 35, 60
MODULE_MEDIAN, MODULE_MOST = 200, 500

MEANINGLESS = frozenset({"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"})


class Import(NamedTuple):
    """One import of a module: where, and what."""

    path: Path
    line: int
    name: str
    at_module_level: bool

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.name}"


@cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def sources(*folders: str) -> tuple[Path, ...]:
    """Every Python file below the folders."""
    return tuple(
        sorted(
            path
            for folder in folders
            for path in (ROOT / folder).rglob("*.py")
            if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(ROOT).parts)
        )
    )


def imports(path: Path) -> Iterator[Import]:
    """Every import of a file, those for type checking and within functions included."""
    top = {id(statement) for statement in tree(path).body}
    package = module_name(path).split(".")[: None if path.name == "__init__.py" else -1]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name, id(node) in top)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *filter(None, [node.module])])
            # `from harness import engine` imports harness.engine.
            names = [f"{source}.{alias.name}" for alias in node.names] if source == "harness" else [source]
            for name in names:
                yield Import(path, node.lineno, name, id(node) in top)


def module_name(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(name: str) -> str:
    """Which part of the package a dotted name belongs to."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 else FACADE


def rank(part: str) -> int:
    """The place of a part in the order of the imports."""
    return next(number for number, parts in enumerate(RANKS) if part in parts)


def inner_imports() -> Iterator[tuple[str, Import]]:
    """Every import of one part of the package by another."""
    for path in sources("harness"):
        part = part_of(module_name(path))
        if part == FACADE:
            continue
        for each in imports(path):
            if each.name.split(".")[0] == "harness" and part_of(each.name) != part:
                yield part, each


def test_every_part_has_its_place() -> None:
    """A new part of the package is put into the order before it imports anything."""
    parts = {part_of(module_name(path)) for path in sources("harness")} - {FACADE}
    assert parts - frozenset().union(*RANKS) == set()


def test_imports_follow_the_order() -> None:
    """No part imports one that is built upon it, not even for its types."""
    wrong = [
        str(each)
        for part, each in inner_imports()
        if part_of(each.name) != FACADE and rank(part_of(each.name)) > rank(part)
    ]
    assert wrong == []


def test_the_package_does_not_import_its_facade() -> None:
    """The facade is for users: an import of it from within could be a circle."""
    # `from harness import Case` looks like a part that does not exist; `import harness` takes no name.
    known = frozenset().union(*RANKS) | {FACADE}
    wrong = [str(each) for part, each in inner_imports() if part_of(each.name) not in known]
    assert wrong == []


def test_a_history_can_be_judged_without_client_or_engine() -> None:
    """The model, the history and the checkers import neither, not even lazily."""
    wrong = [
        str(each)
        for path in sources("harness/model", "harness/history", "harness/checkers")
        for each in imports(path)
        if each.name.split(".")[0] in CLIENTS or each.name.startswith(("harness.engine", "harness.backends"))
    ]
    assert wrong == []


def test_scenarios_use_the_public_names_only() -> None:
    """What a scenario of ours needs, a user's needs too: ``harness`` itself offers it."""
    parts = frozenset().union(*RANKS)
    wrong = [
        str(each)
        for path in sources("suites")
        for each in imports(path)
        if each.name.startswith("harness.") and part_of(each.name) in parts
    ]
    assert wrong == []


def test_the_plugin_imports_the_standard_library_and_pytest_only() -> None:
    """Every start of pytest pays for what its module level imports."""
    wrong = [
        str(each)
        for each in imports(PACKAGE / "pytest_plugin.py")
        if each.at_module_level and each.name.split(".")[0] not in {*sys.stdlib_module_names, "pytest"}
    ]
    assert wrong == []


def test_starting_pytest_loads_nothing_heavy() -> None:
    """The facade and the plugin export lazily."""
    script = (
        f"import sys, pytest; before = set(sys.modules)\n"
        f"import {', '.join(AT_PYTEST_START)}\n"
        f"print(*sorted({{name.split('.')[0] for name in set(sys.modules) - before}} & set({HEAVY!r})))"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Every function and method of a file, nested ones included."""
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def length(function: Function) -> int:
    """Its lines, from the first decorator or the name to the end."""
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    assert function.end_lineno is not None
    return function.end_lineno - first + 1


def function_lengths(*folders: str) -> dict[str, int]:
    """The length of every function, by where it is; a contract's one-line members do not count."""
    return {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": length(function)
        for path in sources(*folders)
        for function in functions(path)
        if not (isinstance(function.body[-1], ast.Expr) and is_ellipsis(function.body[-1]))
    }


def is_ellipsis(statement: ast.Expr) -> bool:
    """Whether a statement is ``...``."""
    return isinstance(statement.value, ast.Constant) and statement.value.value is ...


def module_lengths(*folders: str) -> dict[str, int]:
    """The lines of every module, by its path; a package's one-line ``__init__`` does not count."""
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(*folders)
    }
    return {path: lines for path, lines in lengths.items() if lines > 1}


@pytest.mark.parametrize("folder", ["harness", "suites", "tests", "bench"])
def test_no_function_is_longer_than_a_page(folder: str) -> None:
    """What does not fit on one is two functions."""
    assert {where: size for where, size in function_lengths(folder).items() if size > FUNCTION_MOST} == {}


def test_functions_are_short() -> None:
    """Their median is under 10 lines, and nine in ten are under 35."""
    sizes = sorted(function_lengths("harness").values())
    assert statistics.median(sizes) < FUNCTION_MEDIAN
    assert sizes[len(sizes) * 9 // 10] < FUNCTION_P90


@pytest.mark.parametrize("folder", ["harness", "suites", "tests", "bench"])
def test_no_module_is_too_long_to_know(folder: str) -> None:
    """What does not fit into 500 lines is about two things."""
    assert {where: size for where, size in module_lengths(folder).items() if size > MODULE_MOST} == {}


def test_modules_are_short() -> None:
    """Their median is under 200 lines."""
    assert statistics.median(module_lengths("harness").values()) < MODULE_MEDIAN


def test_modules_are_named_after_what_they_do() -> None:
    """A name like ``utils`` says nothing of what is inside."""
    wrong = [path for path in sources("harness", "suites", "tests", "bench") if path.stem in MEANINGLESS]
    assert wrong == []


@pytest.mark.parametrize("folder", ["tests", "suites"])
def test_every_test_states_the_behaviour(folder: str) -> None:
    """Its docstring is the sentence that does not hold when it fails."""
    silent = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in sources(folder)
        for function in functions(path)
        if path.name.startswith("test_") and function.name.startswith("test_")
        if not ast.get_docstring(function)
    ]
    assert silent == []

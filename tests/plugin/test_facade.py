"""The facade names everything public and imports none of it until it is asked for."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness


@pytest.mark.parametrize("name", harness.__all__)
def test_every_name_is_where_the_facade_says(name: str) -> None:
    """Each public name can be imported."""
    assert getattr(harness, name) is not None
    assert name in dir(harness)


def test_type_checkers_see_the_same_names() -> None:
    """What is imported for type checkers, what is listed and what is found are one list."""
    module = ast.parse(Path(harness.__file__).read_text())
    imported = {
        alias.name: node.module
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness.")
        for alias in node.names
    }
    assert imported == harness._HOMES
    assert sorted(harness._HOMES) == harness.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public is refused as any module does."""
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'NoSuchChecker'"):
        _ = harness.NoSuchChecker


def test_importing_the_facade_imports_nothing_else() -> None:
    """``import harness`` brings no other module of the package."""
    script = "import sys, harness; print([name for name in sys.modules if name.startswith('harness.')])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"

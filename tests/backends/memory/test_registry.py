"""Backends by name."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

import harness.backends as registry
from harness.backends import BACKENDS, backend_names, load_backend
from harness.backends.contract import Backend
from harness.backends.memory import BACKEND
from harness.model.errors import BadOption, UnknownName


def test_a_backend_is_loaded_by_its_name() -> None:
    """The memory backend is what its module names, and fits the contract."""
    backend: Backend = load_backend("memory")
    assert backend is BACKEND
    assert backend.missing_extra() == ""


def test_a_misspelt_name_is_refused_with_the_nearest_one() -> None:
    """The error names what was probably meant, and everything there is."""
    with pytest.raises(UnknownName, match=r"did you mean 'memory'.*kafka, memory, nats, redis"):
        load_backend("memroy")


def test_names_are_in_the_order_of_the_registry() -> None:
    """Ours come first, as they are written."""
    assert backend_names() == tuple(name for name, _ in BACKENDS) == ("memory", "nats", "kafka", "redis")


def test_another_package_adds_a_backend_and_cannot_replace_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point adds a name; one under a name of ours is left aside."""
    points = [
        EntryPoint("mine", "harness.backends.memory:BACKEND", registry.ENTRY_POINT_GROUP),
        EntryPoint("nats", "harness.backends.memory:BACKEND", registry.ENTRY_POINT_GROUP),
        EntryPoint("torn", "harness.backends.memory:NOTHING", registry.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda **_: points)
    assert backend_names() == ("memory", "nats", "kafka", "redis", "mine", "torn")
    assert load_backend("mine") is BACKEND
    assert load_backend("nats") is not BACKEND
    with pytest.raises(BadOption, match="has no 'NOTHING'"):
        load_backend("torn")


def test_naming_backends_imports_none_of_them() -> None:
    """The list of names costs no import of a backend or a client library."""
    program = (
        "import sys, harness.backends as b; b.backend_names(); "
        "print([m for m in sys.modules if m.startswith('harness.backends.') or m in {'nats', 'redis'}])"
    )
    seen = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert seen.stdout.strip() == "[]"

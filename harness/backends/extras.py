"""Whether a backend's client library is there, told without importing it."""

from __future__ import annotations

from importlib.util import find_spec

from harness.model.errors import MissingExtra


def missing_extra(backend: str, package: str, module: str) -> str:
    """What ``MissingExtra`` would say of ``package``; empty if its top-level ``module`` can be imported."""
    return "" if find_spec(module) else str(MissingExtra(backend, package))

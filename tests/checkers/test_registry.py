"""Checkers by name, ours and other packages'."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from harness.checkers import ALWAYS, CHECKERS, checker_named, known_checkers, registry
from harness.model.claim import Guarantee
from harness.model.errors import UnknownName


def test_every_guarantee_has_its_checker() -> None:
    """None is named that nobody looks after."""
    guarded = {checker.guarantee for checker in CHECKERS}  # type: ignore[attr-defined]
    assert guarded == set(Guarantee)


def test_a_checker_is_found_by_its_name() -> None:
    """Names are those of the classes."""
    assert {type(checker).__name__ for checker in ALWAYS} <= known_checkers().keys()
    assert checker_named("AckedStaysAcked")().guarantee is Guarantee.ACKED_STAYS_ACKED


def test_a_misspelt_checker_is_refused_with_the_nearest() -> None:
    """A typing error is not an unjudged case."""
    with pytest.raises(UnknownName, match="did you mean 'NoLostMessages'"):
        checker_named("NoLostMessage")


def test_another_package_may_bring_checkers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point is all it takes."""
    entry = EntryPoint("Mine", "harness.checkers.per_key_order:PerKeyOrder", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == entry.group else [])
    assert checker_named("Mine")().guarantee is Guarantee.PER_KEY_ORDER

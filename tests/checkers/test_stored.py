"""Checkers survive being written beside a verdict and read again."""

from __future__ import annotations

import msgspec
import pytest

from harness.checkers.anomaly import Anomaly, Checker
from harness.checkers.dead_letter_exact import DeadLetterExact
from harness.checkers.lease_honoured import LeaseHonoured
from harness.checkers.no_lost_messages import NoLostMessages
from harness.checkers.registry import ALWAYS
from harness.checkers.stored import StoredChecker, restored, stored
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.errors import BadOption, UnknownName


@pytest.mark.parametrize(
    "checker",
    [
        *ALWAYS,
        NoLostMessages(),
        LeaseHonoured(lease=5.0),
        DeadLetterExact("orders", "orders.dead", frozenset({"m-2", "m-1"}), "billing"),
    ],
    ids=lambda checker: type(checker).__name__,
)
def test_a_checker_is_the_same_after_json(checker: Checker) -> None:
    """Name and options are enough to judge as the scenario did."""
    line = msgspec.json.encode(stored(checker))
    assert restored(msgspec.json.decode(line, type=StoredChecker)) == checker


def test_the_order_of_a_set_is_no_difference() -> None:
    """Two runs of one case write the same bytes."""
    poison = frozenset({"m-2", "m-1", "m-3"})
    options = stored(DeadLetterExact("orders", "orders.dead", poison, "billing")).options
    assert options is not None
    assert options["poison"] == ["m-1", "m-2", "m-3"]


class _Bare:
    guarantee = Guarantee.NO_LOSS

    def __call__(self, history: History) -> list[Anomaly]:
        return []


def test_what_cannot_be_stored_is_named_all_the_same() -> None:
    """A user's own checker does not keep a verdict from being written."""
    assert stored(_Bare()) == StoredChecker("_Bare", None)


def test_what_is_not_here_cannot_be_restored() -> None:
    """The error names the nearest checker there is."""
    with pytest.raises(UnknownName, match="did you mean 'NoLostMessages'"):
        restored(StoredChecker("NoLostMessage", {}))


@pytest.mark.parametrize(
    ("options", "why"), [(None, "were not stored"), ({}, "missing required field"), ({"lease": "x"}, "float")]
)
def test_wrong_options_are_refused(options: dict[str, object] | None, why: str) -> None:
    """A checker is never made with other options than it had."""
    with pytest.raises(BadOption, match=why):
        restored(StoredChecker("LeaseHonoured", options))

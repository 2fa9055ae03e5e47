"""A checker as data, so that a stored history can be judged again by those its scenario asked for.

``verdict.json`` lists them as ``{"name": "LeaseHonoured", "options": {"lease": 5.0}}``.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import msgspec

from harness.checkers.anomaly import Checker
from harness.checkers.registry import checker_named
from harness.model.errors import BadOption


class StoredChecker(msgspec.Struct, frozen=True):
    """The class of a checker, and its options; ``None`` where they could not be stored."""

    name: str
    options: dict[str, Any] | None = None


def stored(checker: Checker) -> StoredChecker:
    """Describe a checker; one that is no dataclass, or holds what JSON does not, loses its options."""
    name = type(checker).__name__
    unknown: object = checker
    if not dataclasses.is_dataclass(unknown):
        return StoredChecker(name)
    try:
        return StoredChecker(name, msgspec.to_builtins(checker, order="deterministic"))
    except (TypeError, NotImplementedError, msgspec.MsgspecError):
        return StoredChecker(name)


def restored(checker: StoredChecker) -> Checker:
    """Make the checker again.

    Raises ``UnknownName`` when no package here has it, and ``BadOption`` when it cannot be made
    with these options.
    """
    kind = checker_named(checker.name)
    if checker.options is None:
        raise BadOption("checker", checker.name, "its options were not stored with the verdict")
    try:
        return cast("Checker", msgspec.convert(checker.options, type=kind))
    except (TypeError, msgspec.MsgspecError) as error:
        raise BadOption("checker", checker.name, str(error)) from error

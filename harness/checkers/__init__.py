"""Pure functions from a history to the anomalies in it, and the judge that weighs them by claims."""

from __future__ import annotations

from harness.checkers.registry import ALWAYS, CHECKERS, checker_named, known_checkers

__all__ = ["ALWAYS", "CHECKERS", "checker_named", "known_checkers"]

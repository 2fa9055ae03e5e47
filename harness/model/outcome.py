"""How an operation ended, in Jepsen's words."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """``ok``: it took effect. ``fail``: it did not and never will. ``info``: nobody knows."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"

"""A disk that is nearly full is refused before anything starts."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.engine.free_space import refuse_full_disk
from harness.model.errors import HarnessError


def _free(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    usage = SimpleNamespace(free=megabytes * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def test_nearly_full_disk_is_refused_with_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the place, what is free there and what to do."""
    _free(monkeypatch, 100)
    with pytest.raises(HarnessError, match=r"100 MB free at /data, 1024 needed\nhint: free some"):
        refuse_full_disk(Path("/data"))


def test_roomy_disk_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With enough room nothing is raised."""
    _free(monkeypatch, 5000)
    refuse_full_disk(Path("/data"))

"""A notebook for what is written into the history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.doubles import Notebook


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    """An empty history."""
    written = Notebook(tmp_path)
    yield written
    written.recorder.close()

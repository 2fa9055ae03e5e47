"""A client that is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workloads.doubles import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """An empty history and a client that succeeds."""
    made = Desk(tmp_path)
    yield made
    made.notebook.recorder.close()

"""What every test of the harness itself gets: a state directory of its own, and one event loop."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ("pytester",)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state directory of this test, so that none sees this machine's runs and clusters."""
    directory = tmp_path / "state"
    monkeypatch.setenv("BROKER_HARNESS_STATE", str(directory))
    return directory


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, the only loop the brokers' clients support."""
    return "asyncio"

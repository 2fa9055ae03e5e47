"""A pytest plugin for ``bench/matrix.py``: no cluster is used twice, as with a fixture that starts one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.scenario.pool import Pool

if TYPE_CHECKING:
    from harness import Backend
    from harness.scenario.pool import Lease


def pytest_configure(config: pytest.Config) -> None:
    """Have every lease end with the removal of its cluster."""
    original = Pool.release

    def release(self: Pool, backend: Backend, lease: Lease, *, reusable: bool) -> None:  # noqa: ARG001 - never is
        original(self, backend, lease, reusable=False)

    Pool.release = release  # type: ignore[method-assign]
    config.add_cleanup(lambda: setattr(Pool, "release", original))

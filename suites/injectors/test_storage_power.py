"""Power loss keeps what was synced and loses what was not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness import Case, HasDisks, PowerLoss

pytestmark = pytest.mark.nightly

CONTENT = b"written by the scenario" * 1000


@pytest.mark.cluster(nodes=1, backends=("nats", "redis"), storage="image")
async def test_a_synced_file_is_kept_and_an_unsynced_one_is_gone(case: Case) -> None:
    """One file is written with fsync and one without; then the node loses its power."""
    assert isinstance(case.cluster, HasDisks)
    orders = await case.destination("orders")
    folder = case.cluster.disk_folder("n1")
    _write(folder / "synced", synced=True)
    _write(folder / "unsynced", synced=False)

    async with case.publishing(orders, rate=50), case.fault(PowerLoss("n1"), at=orders):
        await case.steady(seconds=0.5)

    assert (folder / "synced").read_bytes() == CONTENT
    assert not (folder / "unsynced").exists() or not (folder / "unsynced").read_bytes()


def _write(path: Path, *, synced: bool) -> None:
    with path.open("wb") as file:
        file.write(CONTENT)
        file.flush()
        if synced:
            os.fsync(file.fileno())

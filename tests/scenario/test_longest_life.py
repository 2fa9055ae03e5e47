"""A fault does not outlive its block, nor its own longest life."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.backends.memory import MemoryBackend
from harness.faults import Field, Pause
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, FaultRecord, FaultStage, Header, Observation
from harness.history.store import read_records
from harness.model.cluster import ClusterSpec
from harness.model.destination import Destination
from harness.scenario.ledger import Ledger
from harness.scenario.striking import striking
from harness.waits import wait_for_condition

pytestmark = pytest.mark.anyio

HEADER = Header(FORMAT_VERSION, "c", "memory", "1", 3, "r3", 1, 0, 0, 1)


async def watch() -> None:
    """Nobody leads anything here."""


async def test_a_block_that_hangs_has_its_fault_healed_once(tmp_path: Path) -> None:
    """The history says that it was not the block, and healing is written once."""
    backend = MemoryBackend()
    cluster = backend.start(ClusterSpec("memory", "1", 3, "r3"), "tests")
    orders = Destination("orders", replicas=3)
    cluster.create(orders)
    field = Field(cluster, backend.observer(cluster), orders, random.Random(1))
    path = tmp_path / "history.jsonl"
    spoilt: list[bool] = []

    async def goes_on() -> bool:
        return not cluster.state("n1").paused

    with Recorder(path, HEADER) as recorder:
        told = lambda: spoilt.append(True)  # noqa: E731 - it has to return nothing
        async with striking(Pause("n1"), field, Ledger(recorder), told, watch, life=0.05):
            assert cluster.state("n1").paused
            await wait_for_condition(goes_on, condition="n1 goes on", within=5)
    records = list(read_records(path))
    stages = [record.stage for record in records if isinstance(record, FaultRecord)]
    assert stages.count(FaultStage.HEALED) == 1
    assert [r.value for r in records if isinstance(r, Observation) and r.name == "outlived"] == [0.05]
    assert spoilt == []

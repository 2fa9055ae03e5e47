"""What the history says of a settlement: what the broker has confirmed, or that nobody knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from harness.backends.contract import Subscription
from harness.backends.memory import BACKEND
from harness.history.recorder import Recorder
from harness.history.records import FORMAT_VERSION, Header, Op, Stage
from harness.history.store import read_records
from harness.model.message import Delivery, Message, Position
from harness.workloads.recorded import Journal, RecordedSubscription
from harness.workloads.tally import Tally

pytestmark = pytest.mark.anyio

HEADER = Header(FORMAT_VERSION, "test_x", "memory", "1", 3, "r3", 7, 100, 200, 42)
DELIVERY = Delivery(Message("p-1"), Position(0, 4), "orders", 1, None)


class Settles:
    """A subscription whose broker confirms what it is told to confirm."""

    def __init__(self, *, confirms: bool) -> None:
        self.confirms = confirms

    async def ack(self, _delivery: Delivery) -> bool:
        return self.confirms

    async def reject(self, _delivery: Delivery) -> bool:
        return self.confirms


@pytest.mark.parametrize("act", ["ack", "reject"])
@pytest.mark.parametrize(("confirms", "stage"), [(True, Stage.OK), (False, Stage.INFO)])
async def test_an_unconfirmed_settlement_is_unknown(
    tmp_path: Path, act: str, stage: Stage, *, confirms: bool
) -> None:
    """Confirmed it ended well; else it may or may not have happened, and its process is retired."""
    tally = Tally()
    with Recorder(tmp_path / "history.0.jsonl", HEADER) as recorder:
        subscription: Any = Settles(confirms=confirms)
        journal = Journal("c1", BACKEND, recorder)
        recorded = RecordedSubscription(cast("Subscription", subscription), "orders", "g", journal, tally)
        await getattr(recorded, act)(DELIVERY)
        await getattr(recorded, act)(DELIVERY)
    ops = [record for record in read_records(recorder.path) if isinstance(record, Op)]
    assert [op.stage for op in ops] == [Stage.INVOKE, stage, Stage.INVOKE, stage]
    assert (ops[0].process == ops[2].process) is confirms
    assert tally.settled["orders", "g"] == {Position(0, 4)}

"""What claims depend on is observed: promotions and crashes, each once, and none made up."""

from __future__ import annotations

import time

import anyio

from harness.model.destination import Destination
from harness.scenario.witness import LOOK_WITHIN, Witness
from tests.scenario.doubles import ORDERS, Notebook, ToldCluster, ToldObserver
from tests.scenario.virtual_time import at_once


async def looked(notebook: Notebook, observer: ToldObserver, times: int = 1) -> None:
    """Begin with a destination, then look so many times."""
    witness = Witness(ToldCluster(), observer, notebook.ledger)
    await witness.begin(ORDERS)
    for _ in range(times):
        await witness.look()


@at_once
async def test_a_new_leader_is_a_promotion(notebook: Notebook) -> None:
    """It is written down once, with both names, and not again while it stays."""
    await looked(notebook, ToldObserver(leading=[("n1",), ("n2",)]), times=3)
    [promotion] = notebook.observations("promotion")
    assert (promotion.destination, promotion.detail) == ("orders", "n1 -> n2")


@at_once
async def test_the_same_leader_is_none(notebook: Notebook) -> None:
    """Nothing is written while nothing changes."""
    await looked(notebook, ToldObserver(), times=3)
    assert notebook.records() == []


@at_once
async def test_a_first_leader_is_none(notebook: Notebook) -> None:
    """A destination that had no leader yet when it was created has seen no promotion when it gets one."""
    await looked(notebook, ToldObserver(leading=[("n1", ""), ("n1", "n2"), ("n1", "n3")]), times=1)
    assert notebook.observations("promotion") == []


@at_once
async def test_a_first_leader_that_is_replaced_is_one(notebook: Notebook) -> None:
    """Once known, it is compared with what comes after."""
    await looked(notebook, ToldObserver(leading=[("n1", ""), ("n1", "n2"), ("n1", "n3")]), times=2)
    [promotion] = notebook.observations("promotion")
    assert promotion.detail == "n1, n2 -> n1, n3"


@at_once
async def test_a_promotion_beside_a_first_leader_is_one(notebook: Notebook) -> None:
    """Each partition is compared with itself."""
    await looked(notebook, ToldObserver(leading=[("n1", ""), ("n3", "n2")]))
    assert len(notebook.observations("promotion")) == 1


@at_once
async def test_a_vacancy_is_no_promotion(notebook: Notebook) -> None:
    """An election under way, an error or no answer at all: who led before is still who led."""
    gone: list[tuple[str, ...] | Exception] = [("n1",), ("",), OSError("nobody answers"), (), ("n1",)]
    await looked(notebook, ToldObserver(leading=gone), times=4)
    assert notebook.observations("promotion") == []


@at_once
async def test_a_cluster_that_does_not_answer_is_not_waited_for(notebook: Notebook) -> None:
    """Looking is bounded, for each destination."""

    class Mute(ToldObserver):
        async def leaders(self, destination: Destination) -> tuple[str, ...]:
            if self.asked:
                await anyio.sleep_forever()
            self.asked += 1
            return ("n1",)

    begun = time.monotonic()
    await looked(notebook, Mute())
    assert LOOK_WITHIN <= time.monotonic() - begun < LOOK_WITHIN + 1.0


@at_once
async def test_a_node_that_is_down_has_crashed_once(notebook: Notebook) -> None:
    """Each time it goes down is one crash, however often it is looked at."""
    cluster = ToldCluster()
    witness = Witness(cluster, ToldObserver(), notebook.ledger)
    for down in (set[str](), {"n2"}, {"n2"}, set[str](), {"n2", "n3"}):
        cluster.down = down
        await witness.look()
    assert [crash.node for crash in notebook.observations("node-crash")] == ["n2", "n2", "n3"]

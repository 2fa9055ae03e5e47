"""NATS on one server that loses its power: what an acknowledgement is worth at each ``sync_interval``.

The server syncs every two minutes unless told otherwise, and says so: "after an OS failure recovery,
a server may have lost recently acknowledged messages". With ``always`` it syncs before each answer.
Order is not asked for: a server that has lost messages gives their positions to others.
"""

from __future__ import annotations

import pytest
from anyio import to_thread

from harness import Case, HasDisks, NoLostMessages, PowerLoss

pytestmark = pytest.mark.nightly


@pytest.mark.cluster(nodes=1, backends="nats", tiers=("r1", "r1-always"), storage="image")
async def test_acked_messages_after_power_loss(case: Case) -> None:
    """At ``r1`` acknowledged messages are lost, as documented; at ``r1-always`` none is.

    The stream is older than the messages: without that, the stream itself is lost as well.
    """
    assert isinstance(case.cluster, HasDisks)
    orders = await case.destination("orders")
    await to_thread.run_sync(case.cluster.write_back, "n1")

    async with case.publishing(orders, rate=200):
        await case.steady(seconds=2)
        async with case.fault(PowerLoss("leader"), at=orders):
            await case.steady(seconds=1)
        await case.recovered(orders, within=30)
    await case.drained(orders)

    case.check(NoLostMessages())

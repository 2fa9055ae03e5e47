"""A5: a message that is nak'ed comes back."""

from __future__ import annotations

import pytest

from harness import Capability, Case


@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.requires(Capability.NAK)
async def test_a_naked_message_comes_back_with_the_next_attempt(case: Case) -> None:
    """The same message is handed out again, one attempt later, twice in a row."""
    orders = await case.destination("orders")
    billing = await case.subscription(orders, group="billing", lease=20.0)
    [receipt] = await case.publish(orders, case.message(b"try again"))

    attempts = []
    for _ in range(3):
        [delivery] = await billing.take(1, within=10, ack=False)
        assert delivery.position == receipt.position
        attempts.append(delivery.attempt)
        await (billing.nak(delivery) if len(attempts) < 3 else billing.ack(delivery))

    if case.has(Capability.DELIVERY_COUNT):
        assert attempts == [1, 2, 3]
    assert await billing.receive(limit=1, timeout=1.0) == []

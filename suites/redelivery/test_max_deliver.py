"""A14: after its last attempt a message is dead-lettered once, and the others are unaffected."""

from __future__ import annotations

import pytest

from harness import Capability, Case

ATTEMPTS = 3
POISON = b"poison"


@pytest.mark.cluster(nodes=(1, 3))
@pytest.mark.requires(Capability.NAK, Capability.MAX_DELIVER, Capability.DEAD_LETTER)
async def test_a_poison_message_is_dead_lettered_after_its_last_attempt(case: Case) -> None:
    """The poison is tried three times, then lies in the dead letter once; the others are settled."""
    orders = await case.destination("orders", dead_letter=True)
    billing = await case.subscription(orders, group="billing", max_deliver=ATTEMPTS, lease=5.0)
    messages = [case.message(POISON if i == 4 else b"good") for i in range(10)]
    await case.publish(orders, *messages)

    tried = 0
    settled: set[str] = set()

    async def worked_off() -> bool:
        nonlocal tried
        for delivery in await billing.receive(limit=10, timeout=0.5):
            if delivery.message.payload == POISON:
                tried += 1
                await billing.nak(delivery)
            else:
                await billing.ack(delivery)
                settled.add(delivery.message.id)
        return len(settled) == 9 and len(await case.dead_letters(orders)) >= 1

    await case.wait_for(worked_off, condition="nine settled and one dead-lettered", within=30)

    dead = [stored.message.payload for stored in await case.dead_letters(orders)]
    again = await billing.receive(limit=10, timeout=1.0)
    await case.drained(orders)

    case.check(case.dead_letter_exact(orders, poison=messages[4:5], group="billing"))
    assert (tried, dead, again) == (ATTEMPTS, [POISON], [])

"""A1: what is published comes back byte for byte."""

from __future__ import annotations

import pytest

from harness import Case

PAYLOADS = (b"", b"x", bytes(range(256)), b"\r\n\x00" * 50, b"m" * (1024 * 1024 - 4096))
HEADERS = {"trace": "a1b2", "content-type": "application/json", "quoted": 'say "hé"'}


@pytest.mark.cluster(nodes=(1, 3))
async def test_payload_key_and_headers_come_back_byte_for_byte(case: Case) -> None:
    """Empty, one-byte, binary and one-megabyte payloads come back with their key and headers."""
    orders = await case.destination("orders")
    billing = await case.subscription(orders, group="billing")
    sent = [case.message(payload, key=b"customer-7", headers=HEADERS) for payload in PAYLOADS]

    await case.publish(orders, *sent)
    received = {
        delivery.message.id: delivery.message for delivery in await billing.take(len(sent), within=20)
    }

    for message in sent:
        assert received[message.id].payload == message.payload
        assert received[message.id].key == message.key
        assert received[message.id].headers == message.headers

"""Publishing keeps its rate whatever the broker does, and ends what it has begun."""

from __future__ import annotations

import random
import time

import anyio

from harness.history.records import Function, Stage
from harness.scenario.traffic import running
from harness.workloads.publishing import Publishing, PublishingOptions
from tests.scenario.virtual_time import at_once
from tests.workloads.doubles import ORDERS, Desk, Refused

OPTIONS = PublishingOptions(rate=100.0, timeout=2.0, in_flight=10)


def writer(desk: Desk, seed: int = 1, options: PublishingOptions = OPTIONS) -> Publishing:
    """A writer that has not begun."""
    return Publishing(desk.client, ORDERS, options, random.Random(seed))


async def published(desk: Desk, seconds: float, options: PublishingOptions = OPTIONS) -> Publishing:
    """Publish for so long, and finish."""
    publishing = writer(desk, options=options)
    async with running([publishing]):
        await anyio.sleep(seconds)
    return publishing


@at_once
async def test_messages_are_due_at_their_times(desk: Desk) -> None:
    """The rate is kept though every wake-up is late: a late one does not shift those after it."""
    publishing = await published(desk, 10.0)
    assert 995 <= publishing.published <= 1005
    assert desk.tally.acknowledged["orders"] == publishing.published


@at_once
async def test_ids_are_the_writers_and_count(desk: Desk) -> None:
    """No two messages of a case share one."""
    await published(desk, 0.1)
    ids = [op.message for op in desk.ops() if op.stage is Stage.INVOKE]
    assert ids == [f"c-1-{number + 1}" for number in range(len(ids))]


@at_once
async def test_a_failure_does_not_stop_the_traffic(desk: Desk) -> None:
    """Nor is it tried again: each message is published once."""
    desk.bare.errors["publish"] = [Refused("no"), TimeoutError("late"), OSError("reset")]
    publishing = await published(desk, 0.5)
    ids = [op.message for op in desk.ops() if op.stage is Stage.INVOKE]
    assert len(set(ids)) == len(ids) == publishing.published
    assert desk.tally.acknowledged["orders"] == publishing.published - 3


@at_once
async def test_a_stalled_broker_bounds_what_is_in_flight(desk: Desk) -> None:
    """What is due beyond the bound is left out; each publish ends unknown after its time."""
    desk.bare.hangs = {"publish"}
    begun = time.monotonic()
    publishing = await published(desk, 1.0)
    assert publishing.published == OPTIONS.in_flight
    assert desk.stages(Function.PUBLISH) == ["invoke"] * 10 + ["info"] * 10
    assert time.monotonic() - begun < 1.0 + OPTIONS.timeout + 2.0


@at_once
async def test_one_stalled_publish_does_not_silence_the_others(desk: Desk) -> None:
    """An open loop goes on beside it."""

    def stall_the_third(_: str) -> None:
        desk.bare.hangs = {"publish"} if desk.bare.called.count("publish") == 3 else set()

    desk.bare.on_call = stall_the_third
    publishing = await published(desk, 1.0)
    assert publishing.published > 90
    assert desk.tally.acknowledged["orders"] == publishing.published - 1


@at_once
async def test_the_seed_decides_keys_and_payloads(desk: Desk) -> None:
    """The same again with the same seed, of the size and the number of keys that were asked for."""

    def first(seed: int) -> list[tuple[bytes, bytes]]:
        publishing = writer(desk, seed, PublishingOptions(keys=3, payload=10))
        made = [publishing._next_message() for _ in range(50)]
        return [(message.key, message.payload) for message in made]

    assert first(1) == first(1) != first(2)
    assert {key for key, _ in first(1)} == {b"k0", b"k1", b"k2"}
    assert {len(payload) for _, payload in first(1)} == {10}

"""Every operation is in the history: before it is sent, and as what it came to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from harness.history.records import Function, Stage
from harness.model.errors import DeadlineExceeded
from harness.model.message import Message, Position
from tests.scenario.virtual_time import at_once
from tests.workloads.doubles import BILLING, ORDERS, Desk, Refused, delivery

MESSAGE = Message("p-1", b"payload", b"key")


async def publish(desk: Desk) -> None:
    """Publish one message."""
    await desk.client.publish(ORDERS, MESSAGE)


async def settle(desk: Desk, function: Function) -> None:
    """Join, and settle one delivery."""
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    await getattr(subscription, function)(delivery(7))


@at_once
async def test_an_invoke_is_written_before_the_request_is_sent(desk: Desk) -> None:
    """A process that is killed right after sending has left its trace."""
    written: list[list[str]] = []
    desk.bare.on_call = lambda _: written.append(desk.stages())
    await publish(desk)
    assert written == [["invoke"]]
    assert desk.stages() == ["invoke", "ok"]


@at_once
async def test_a_publish_is_recorded_with_what_was_sent_and_where_it_is(desk: Desk) -> None:
    """Message, key and digest from the start, position and deduplication at the end, under one op id."""
    await desk.client.publish(ORDERS, Message("p-1", b"payload", b"key", deduplication_key="once"))
    invoke, end = desk.ops()
    assert (invoke.message, invoke.key, invoke.digest) == ("p-1", "key", MESSAGE.digest)
    assert (invoke.position, invoke.deduplicated) == (None, False)
    assert (end.position, end.deduplicated) == (Position(0, 1), True)
    assert (invoke.op, invoke.process, invoke.client) == (end.op, end.process, "c-1")
    assert invoke.time < end.time
    assert (desk.tally.attempted["orders"], desk.tally.acknowledged["orders"]) == (1, 1)


@pytest.mark.parametrize(
    ("error", "stage"),
    [
        (Refused("no leader"), Stage.FAIL),
        (TimeoutError("too late"), Stage.INFO),
        (OSError("reset"), Stage.INFO),
    ],
)
@at_once
async def test_an_error_is_recorded_as_what_it_means_and_raised_on(
    desk: Desk, error: Exception, stage: Stage
) -> None:
    """What the backend lists is a failure, everything else unknown; the caller gets the very error."""
    desk.bare.errors["publish"] = [error]
    with pytest.raises(type(error)) as raised:
        await publish(desk)
    assert raised.value is error
    _, end = desk.ops()
    assert (end.stage, end.error) == (stage, f"{type(error).__name__}: {error}")
    assert (desk.tally.attempted["orders"], desk.tally.acknowledged["orders"]) == (1, 0)


@at_once
async def test_a_process_is_retired_after_an_unknown_end_only(desk: Desk) -> None:
    """The client lives on under its name; what comes next is another process's."""
    desk.bare.errors["publish"] = [Refused("no"), TimeoutError("late")]
    for _ in range(4):
        with anyio.move_on_after(1.0):
            await publish_anyway(desk)
    first, second, third, fourth = (op for op in desk.ops() if op.stage is Stage.INVOKE)
    assert first.process == second.process != third.process == fourth.process
    assert {op.client for op in desk.ops()} == {"c-1"}


async def publish_anyway(desk: Desk) -> None:
    """Publish as a workload does, which has no use for the error."""
    try:
        await publish(desk)
    except (Refused, TimeoutError):
        return


@at_once
async def test_a_cancelled_operation_is_unknown(desk: Desk) -> None:
    """It may have been sent: its end says so, and its process is retired."""
    desk.bare.hangs = {"publish"}
    with anyio.move_on_after(1.0):
        await publish(desk)
    desk.bare.hangs.clear()
    await publish(desk)
    assert desk.stages() == ["invoke", "info", "invoke", "ok"]
    _, cancelled, after, _ = desk.ops()
    assert "CancelledError" in cancelled.error
    assert after.process != cancelled.process


@at_once
async def test_processes_of_two_clients_are_two(desk: Desk) -> None:
    """And so are their ops."""
    await publish(desk)
    other = await desk.client.subscribe(ORDERS, BILLING)
    await other.close()
    assert len({op.op for op in desk.ops()}) == 3


@at_once
async def test_a_receive_is_recorded_with_all_it_brought(desk: Desk) -> None:
    """Before anybody can acknowledge it; an uncounted attempt is 0."""
    desk.bare.batches = [[delivery(1), delivery(2, attempt=None)]]
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    await subscription.receive()
    end = desk.ops(Function.RECEIVE)[-1]
    assert (end.destination, end.group) == ("orders", "billing")
    assert [(seen.message, seen.position, seen.attempt, seen.key) for seen in end.seen] == [
        ("p-1", Position(0, 1), 1, "key"),
        ("p-2", Position(0, 2), 0, "key"),
    ]
    assert end.seen[0].digest == MESSAGE.digest
    assert desk.tally.delivered["orders", "billing"] == {Position(0, 1), Position(0, 2)}


@pytest.mark.parametrize("function", [Function.ACK, Function.NAK, Function.REJECT, Function.EXTEND])
@at_once
async def test_a_settlement_says_which_delivery_it_is_about(desk: Desk, function: Function) -> None:
    """By message and position, in its group."""
    await settle(desk, function)
    for op in desk.ops(function):
        assert (op.message, op.position, op.destination, op.group) == (
            "p-7",
            Position(0, 7),
            "orders",
            "billing",
        )
    assert desk.stages(function) == ["invoke", "ok"]


@pytest.mark.parametrize("function", [Function.ACK, Function.REJECT])
@at_once
async def test_an_unconfirmed_settlement_is_unknown_and_no_error(desk: Desk, function: Function) -> None:
    """It may or may not have happened: its process is retired, and it is not asked for again."""
    desk.bare.confirms = False
    await settle(desk, function)
    await settle(desk, function)
    first, end, second, _ = desk.ops(function)
    assert (end.stage, end.error) == (Stage.INFO, "")
    assert first.process != second.process
    assert desk.tally.settled["orders", "billing"] == {Position(0, 7)}


@at_once
async def test_a_delayed_nak_says_how_long(desk: Desk) -> None:
    """The delay is in its detail."""
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    await subscription.nak(delivery(1), delay=2.5)
    assert {op.detail for op in desk.ops(Function.NAK)} == {"delay=2.5"}


@at_once
async def test_a_log_is_recorded_whole(desk: Desk) -> None:
    """A key that is no text is written so that it can be told apart."""
    await desk.client.read_log(ORDERS)
    [seen] = desk.ops(Function.READ_LOG)[-1].seen
    assert (seen.message, seen.attempt, seen.key) == ("p-1", 0, "\\xff")


@at_once
async def test_a_backlog_is_recorded_in_words(desk: Desk) -> None:
    """A figure the broker does not have is None."""
    await desk.client.backlog(ORDERS, "billing")
    assert desk.ops()[-1].detail == "lag=3 pending=None"


@pytest.mark.parametrize(
    ("act", "function"),
    [
        (lambda desk: desk.client.create_destination(ORDERS), Function.CREATE),
        (lambda desk: desk.client.subscribe(ORDERS, BILLING), Function.SUBSCRIBE),
    ],
)
@at_once
async def test_setting_up_is_recorded_too(
    desk: Desk, act: Callable[[Desk], Awaitable[object]], function: Function
) -> None:
    """With its failures."""
    desk.bare.errors = {str(function): [Refused("not now")]}
    with pytest.raises(Refused):
        await act(desk)
    await act(desk)
    assert desk.stages(function) == ["invoke", "fail", "invoke", "ok"]


@at_once
async def test_a_group_is_known_even_if_joining_it_failed(desk: Desk) -> None:
    """The broker may have created it, so it has to be drained."""
    desk.bare.errors["subscribe"] = [TimeoutError("late")]
    with pytest.raises(TimeoutError):
        await desk.client.subscribe(ORDERS, BILLING)
    assert desk.tally.groups["orders"] == {"billing"}


@at_once
async def test_a_subscription_is_left_once(desk: Desk) -> None:
    """Closing it twice is harmless."""
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    await subscription.close()
    await subscription.close()
    assert desk.stages(Function.CLOSE) == ["invoke", "ok"]


@at_once
async def test_taking_acknowledges_each_unless_told_otherwise(desk: Desk) -> None:
    """It receives no more than is asked for, in as many receives as it takes."""
    desk.bare.batches = [[delivery(1), delivery(2)], [], [delivery(3), delivery(4)]]
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    taken = await subscription.take(3, within=5.0)
    assert [each.position.major for each in taken] == [1, 2, 3]
    assert desk.stages(Function.ACK) == ["invoke", "ok"] * 3
    desk.bare.batches = [[delivery(5)]]
    await subscription.take(1, within=5.0, ack=False)
    assert len(desk.ops(Function.ACK)) == 6


@at_once
async def test_taking_in_vain_says_how_many_came(desk: Desk) -> None:
    """After its time, whatever came."""
    desk.bare.batches = [[delivery(1)]]
    subscription = await desk.client.subscribe(ORDERS, BILLING)
    with pytest.raises(DeadlineExceeded, match="2 deliveries: not within 3 s; last seen: 1 of them"):
        await subscription.take(2, within=3.0)


@at_once
async def test_connecting_is_no_operation_on_messages(desk: Desk) -> None:
    """It goes straight to the client."""
    seen = [desk.client.is_connected]
    await desk.client.connect()
    seen.append(desk.client.is_connected)
    await desk.client.disconnect()
    assert seen == [False, True]
    assert desk.bare.called == ["connect", "disconnect"]
    assert desk.ops() == []

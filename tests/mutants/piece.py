"""The piece that is rehearsed: plain traffic, and a movement for whatever a fault may need."""

from __future__ import annotations

from harness.backends.memory.broker import Broker
from harness.history.records import Function
from harness.model.consumer import ConsumerConfig
from harness.model.message import Message
from tests.mutants.mutant import Needs
from tests.mutants.rehearsal import DEAD, LEASE, MAX_DELIVER, ORDERS, OTHER, Rehearsal

BILLING = (ORDERS, "billing")
AUDIT = (ORDERS, "audit")
TILL = (OTHER, "till")


def rehearse(broker: Broker, needs: frozenset[Needs]) -> Rehearsal:
    """Play everything in ``needs`` on the broker, and leave every log read and every group drained."""
    play = Rehearsal(broker, needs)
    _set_up(play)
    _traffic(play)
    _redelivery(play)
    _dead_letters(play)
    _faults(play)
    _finish(play)
    return play


def _set_up(play: Rehearsal) -> None:
    for destination in (ORDERS, OTHER):
        play.broker.create(destination)
    if play.needed(Needs.TWO_GROUPS):
        play.groups.append(AUDIT)
    if play.needed(Needs.TWO_DESTINATIONS):
        play.groups.append(TILL)
    for destination, group in play.groups:
        attempts = MAX_DELIVER if (destination, group) == BILLING else None
        play.broker.subscribe(destination.name, ConsumerConfig(group, lease=LEASE, max_deliver=attempts))


def _traffic(play: Rehearsal) -> None:
    if play.needed(Needs.TWO_DESTINATIONS):
        play.publish(OTHER, 12)
    play.publish(ORDERS, 60)
    if play.needed(Needs.DEDUPLICATION):
        for _ in range(2):
            play.publish_message(ORDERS, Message("p-again", deduplication_key="once"))
    # One group ahead of the others: what it settles must not be settled for them.
    play.consume(BILLING)
    _consume(play)


def _consume(play: Rehearsal) -> None:
    play.consume(*play.groups)


def _redelivery(play: Rehearsal) -> None:
    if play.needed(Needs.UNSETTLED):
        play.publish(ORDERS, 2)
        play.receive(BILLING)
        play.wait(LEASE / 2)
        play.receive(BILLING)
        play.wait(LEASE)
        _consume(play)
    if play.needed(Needs.EXTENSION):
        play.publish(ORDERS, 1)
        for delivery in play.receive(BILLING):
            play.wait(LEASE * 0.6)
            play.settle(Function.EXTEND, BILLING, delivery)
        play.wait(LEASE * 0.6)
        play.receive(BILLING)
        play.wait(LEASE * 1.1)
        _consume(play)


def _dead_letters(play: Rehearsal) -> None:
    if play.needed(Needs.RETRY):
        play.publish(ORDERS, 2)
        _give_back(play, MAX_DELIVER - 1)
        _consume(play)
    if play.needed(Needs.EXHAUSTION):
        play.poison.update(play.publish(ORDERS, 2))
        _give_back(play, MAX_DELIVER)
        _consume(play)
    if play.needed(Needs.REJECT):
        play.poison.update(play.publish(ORDERS, 2))
        for delivery in play.receive(BILLING):
            play.settle(Function.REJECT, BILLING, delivery)
        _consume(play)


def _give_back(play: Rehearsal, times: int) -> None:
    for _ in range(times):
        for delivery in play.receive(BILLING):
            play.settle(Function.NAK, BILLING, delivery)


def _faults(play: Rehearsal) -> None:
    held = [ORDERS.name, OTHER.name, DEAD.name]
    play.publish(ORDERS, 6)
    if play.needed(Needs.LOST_ANSWER):
        play.receive(BILLING, lost=True)
    if play.needed(Needs.LEADER_KILL):
        play.tell(play.broker.crashed, held)
    if play.needed(Needs.MINORITY):
        play.publish(ORDERS, 3, alone=True)
    if play.needed(Needs.FAILOVER):
        for name in held:
            play.tell(play.broker.promoted, name)
    if play.needed(Needs.RESTART):
        play.tell(play.broker.restarted, held)
    play.wait(LEASE * 1.1)
    play.publish(ORDERS, 6)


def _finish(play: Rehearsal) -> None:
    _consume(play)
    destinations = {of[0].name: of[0] for of in play.groups}.values()
    markers = {each.name: play.publish(each)[0] for each in destinations}
    play.wait(LEASE * 1.1)
    _consume(play)
    for destination in destinations:
        play.read_log(destination)
    for of in play.groups:
        if play.has_seen(of, markers[of[0].name]):
            play.observe("drained", *of)
    play.observe("dead-letter", ORDERS, detail=DEAD.name)

"""Brokers that store rightly and hand over wrongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.backends.memory.state import Entry, Group, Handle, Topic
from harness.model.claim import Guarantee
from harness.model.message import Delivery, Stored
from tests.mutants.mutant import Mutant, Needs

_MIDDLE = 3
"""The fewest deliveries that have a middle."""


class DropsLastOfBatch(Mutant):
    """Forgets to hand over the last of several messages."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.BATCH})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        if len(deliveries) > 1:
            self._swallow(deliveries.pop())
        return deliveries


class DropsFirstOfBatch(Mutant):
    """Forgets to hand over the first of several messages."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.BATCH})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        if len(deliveries) > 1:
            self._swallow(deliveries.pop(0))
        return deliveries


class DropsMiddleOfBatch(Mutant):
    """Forgets to hand over one between the first and the last of several messages."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.BATCH})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        if len(deliveries) >= _MIDDLE:
            self._swallow(deliveries.pop(len(deliveries) // 2))
        return deliveries


class SkipsForOneGroup(Mutant):
    """Keeps every seventh message from the group that was created last."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.TWO_GROUPS})

    def _append(self, topic: Topic, stored: Stored) -> None:
        super()._append(topic, stored)
        if stored.position.major % 7 == 0 and len(topic.groups) > 1:
            last = list(topic.groups.values())[-1]
            last.take(last.tickets)


class SettlesForEveryGroup(Mutant):
    """Takes what one group has acknowledged for settled by all."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.TWO_GROUPS})

    def ack(self, now: float, handle: Handle) -> None:
        super().ack(now, handle)
        for group in self.topics[handle.destination].groups.values():
            self._settle(group, handle.ticket)


class StrandsAStretch(Mutant):
    """Hands a group twenty messages, skips ten, and goes on."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})

    def _offer(self, group: Group, stored: Stored) -> None:
        super()._offer(group, stored)
        if 20 < group.tickets <= 30:
            group.take(group.tickets)


class SwapsTwoOfAKey(Mutant):
    """Hands over two messages of one key the wrong way round."""

    expected = frozenset({Guarantee.PER_KEY_ORDER})
    needs = frozenset({Needs.BATCH})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        first: dict[bytes, int] = {}
        for place, delivery in enumerate(deliveries):
            other = first.setdefault(delivery.message.key, place)
            if other != place:
                deliveries[other], deliveries[place] = deliveries[place], deliveries[other]
                break
        return deliveries


class DeliversBackwards(Mutant):
    """Hands over the newest message first."""

    expected = frozenset({Guarantee.PER_KEY_ORDER})
    needs = frozenset({Needs.BATCH})

    def _pick(self, group: Group, member: str, limit: int) -> list[Entry]:
        return super()._pick(group, member, limit)[::-1]


class DeliversPhantom(Mutant):
    """Hands over a message that nobody sent beside every fifth that somebody did."""

    expected = frozenset({Guarantee.NO_PHANTOM})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        made_up = [
            replace(
                delivery,
                message=replace(delivery.message, id=f"{delivery.message.id}-made-up"),
                position=delivery.position._replace(major=-delivery.position.major),
            )
            for delivery in deliveries
            if delivery.position.major % 5 == 0
        ]
        return deliveries + made_up


class DeliversCorrupted(Mutant):
    """Hands over every fifth message with half of its payload; the log has all of it."""

    expected = frozenset({Guarantee.NO_ALTERATION})

    def _batch(self, deliveries: list[Delivery]) -> list[Delivery]:
        return [self._halved(each) if each.position.major % 5 == 0 else each for each in deliveries]

    def _halved(self, delivery: Delivery) -> Delivery:
        half = delivery.message.payload[: len(delivery.message.payload) // 2]
        return replace(delivery, message=replace(delivery.message, payload=half))


class DeliversOthersMessages(Mutant):
    """Hands a group a message of a destination that it has not subscribed to."""

    expected = frozenset({Guarantee.RIGHT_DESTINATION})
    needs = frozenset({Needs.TWO_DESTINATIONS})

    def receive(
        self, now: float, destination: str, group: str, member: str, limit: int
    ) -> Sequence[Delivery]:
        own = super().receive(now, destination, group, member, limit)
        other = self._another(self.topics[destination])
        if not own or other is None:
            return own
        name, stored = other.destination.name, other.log[-1]
        foreign = Delivery(stored.message, stored.position, name, 1, Handle(destination, group, 0, 1))
        return [*own, foreign]


class StopsDelivering(Mutant):
    """Hands a group thirty messages and then nothing ever again."""

    expected = frozenset()

    def _pick(self, group: Group, member: str, limit: int) -> list[Entry]:
        handed = group.tickets - len(group.fresh)
        return [] if handed >= 30 else super()._pick(group, member, limit)

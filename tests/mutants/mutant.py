"""What a broken broker says of itself."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from harness.backends.memory.broker import Broker
from harness.backends.memory.state import Topic
from harness.model.claim import Guarantee
from harness.model.message import Delivery, Stored


class Needs(StrEnum):
    """What has to happen before a broken broker does harm; none: any traffic will do."""

    BATCH = "several messages are handed out at once"
    HEADERS = "messages have headers"
    DEDUPLICATION = "a message is published twice under one deduplication key"
    TWO_DESTINATIONS = "another destination has messages too"
    TWO_GROUPS = "two groups consume the destination"
    LOST_ANSWER = "messages are handed out and the answer is lost"
    UNSETTLED = "a delivery is left unsettled past its lease"
    EXTENSION = "a lease is extended"
    EXHAUSTION = "attempts run out, with a dead letter"
    REJECT = "a message is rejected, with a dead letter"
    RETRY = "a message is given back and then acknowledged, with a dead letter"
    LEADER_KILL = "the destination's leader is killed"
    RESTART = "a node that holds a replica is started again"
    FAILOVER = "the destination's leader changes"
    MINORITY = "something is published to a leader that was cut off"


class Mutant(Broker):
    """A broker with one fault; ``expected`` are the guarantees whose checkers have to notice."""

    expected: ClassVar[frozenset[Guarantee]]
    needs: ClassVar[frozenset[Needs]] = frozenset()

    def _swallow(self, delivery: Delivery) -> None:
        """Have the group never get it: it counts as settled."""
        _, group = self._find(delivery.handle.destination, delivery.handle.group)
        self._settle(group, delivery.handle.ticket)

    def _forget(self, topic: Topic, stored: Stored) -> None:
        """Take a message out of the log, and from every group that has still to do with it."""
        topic.log.remove(stored)
        for group in topic.groups.values():
            for entry in [entry for entry in group.unsettled() if entry.stored is stored]:
                group.take(entry.ticket)

    def _another(self, topic: Topic) -> Topic | None:
        """A destination with messages that has nothing to do with ``topic``; None if there is none."""
        dead = {each.destination.dead_letter for each in self.topics.values()}
        living = [each for each in self.topics.values() if each.log and each.destination not in dead]
        return next((each for each in living if each is not topic and topic in living), None)

"""Brokers that store wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from harness.backends.memory.errors import NoLeader
from harness.backends.memory.state import Topic
from harness.model.claim import Guarantee
from harness.model.message import Message, Position, Receipt, Stored
from tests.mutants.mutant import Mutant, Needs

WRITE_BEHIND = 0.2
"""Seconds between the acknowledgement and the storing of ``AcksBeforeStoring``."""

TAIL = 3
"""How many messages of a log are forgotten at once."""


class NeverStoresEveryTenth(Mutant):
    """Acknowledges every tenth message and keeps it nowhere."""

    expected = frozenset({Guarantee.NO_LOSS})

    def _append(self, topic: Topic, stored: Stored) -> None:
        if stored.position.major % 10:
            super()._append(topic, stored)


class AcksBeforeStoring(Mutant):
    """Acknowledges first and stores a little later: what a killed leader had not stored is gone."""

    expected = frozenset({Guarantee.NO_LOSS})
    needs = frozenset({Needs.LEADER_KILL})

    def __init__(self) -> None:
        super().__init__()
        self._unstored: list[tuple[Topic, Stored]] = []

    def _store(self, now: float, topic: Topic, message: Message) -> Stored:
        stored = self._place(topic, message)
        self._unstored.append((topic, stored))
        self._at(now + WRITE_BEHIND, partial(self._catch_up, topic, stored))
        return stored

    def _catch_up(self, topic: Topic, stored: Stored, now: float) -> None:
        if (topic, stored) in self._unstored:
            self._unstored.remove((topic, stored))
            self._append(topic, stored)

    def crashed(self, now: float, led: Iterable[str]) -> None:
        self._unstored = [each for each in self._unstored if each[0].destination.name not in led]


class ForgetsTailOnRestart(Mutant):
    """A node that starts again has lost the end of its log, and the others take over its view."""

    expected = frozenset({Guarantee.NO_LOSS})
    needs = frozenset({Needs.RESTART})

    def restarted(self, now: float, held: Iterable[str]) -> None:
        for topic in (self.topics[name] for name in held if name in self.topics):
            for stored in topic.log[-TAIL:]:
                self._forget(topic, stored)


class ForgetsDestinationOnFailover(Mutant):
    """A new leader starts with an empty log."""

    expected = frozenset({Guarantee.NO_LOSS})
    needs = frozenset({Needs.FAILOVER})

    def promoted(self, now: float, destination: str) -> None:
        for stored in tuple(self.topics[destination].log):
            self._forget(self.topics[destination], stored)


class CountsAnewAfterRestart(Mutant):
    """Goes back to earlier positions when it starts again, and uses them a second time."""

    expected = frozenset({Guarantee.ONE_MESSAGE_PER_POSITION})
    needs = frozenset({Needs.RESTART})

    def restarted(self, now: float, held: Iterable[str]) -> None:
        for topic in (self.topics[name] for name in held if name in self.topics):
            topic.ends = [max(end - TAIL, 0) for end in topic.ends]


class ServesMinority(Mutant):
    """A leader without a majority acknowledges all the same: split brain."""

    expected = frozenset({Guarantee.NO_LOSS, Guarantee.ONE_MESSAGE_PER_POSITION})
    needs = frozenset({Needs.MINORITY})

    def __init__(self) -> None:
        super().__init__()
        self._alone: dict[str, int] = {}

    def without_majority(self, destination: str, message: Message) -> Receipt | None:
        end = self._alone.get(destination, self.topics[destination].ends[0]) + 1
        self._alone[destination] = end
        return Receipt(Position(0, end))


class StoresTwice(Mutant):
    """Stores every fifth message at two positions."""

    expected = frozenset({Guarantee.NO_STORED_DUPLICATES})

    def _store(self, now: float, topic: Topic, message: Message) -> Stored:
        stored = super()._store(now, topic, message)
        if stored.position.major % 5 == 0:
            super()._store(now, topic, message)
        return stored


class IgnoresDeduplicationKey(Mutant):
    """Stores a message again that was published before under the same key."""

    expected = frozenset({Guarantee.NO_STORED_DUPLICATES})
    needs = frozenset({Needs.DEDUPLICATION})

    def _known(self, now: float, topic: Topic, message: Message) -> Position | None:
        return None


class DeduplicatesTooMuch(Mutant):
    """Takes every tenth message for a copy of the one before, whose position it names."""

    expected = frozenset({Guarantee.NO_LOSS})

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def _known(self, now: float, topic: Topic, message: Message) -> Position | None:
        self._asked += 1
        if self._asked % 10 == 0 and topic.log:
            return topic.log[-1].position
        return super()._known(now, topic, message)


class AltersPayload(Mutant):
    """Adds a byte to every payload."""

    expected = frozenset({Guarantee.NO_ALTERATION})

    def _place(self, topic: Topic, message: Message) -> Stored:
        return super()._place(topic, replace(message, payload=message.payload + b"\0"))


class DropsHeader(Mutant):
    """Keeps all headers but the first."""

    expected = frozenset({Guarantee.NO_ALTERATION})
    needs = frozenset({Needs.HEADERS})

    def _place(self, topic: Topic, message: Message) -> Stored:
        return super()._place(topic, replace(message, headers=dict(sorted(message.headers.items())[1:])))


class ExchangesKeys(Mutant):
    """Stores every message under the key of the one before."""

    expected = frozenset({Guarantee.NO_ALTERATION})

    def _place(self, topic: Topic, message: Message) -> Stored:
        key = topic.log[-1].message.key if topic.log else message.key
        return super()._place(topic, replace(message, key=key + b"'"))


class StoresPhantom(Mutant):
    """Makes up every twentieth message."""

    expected = frozenset({Guarantee.NO_PHANTOM})

    def _store(self, now: float, topic: Topic, message: Message) -> Stored:
        stored = super()._store(now, topic, message)
        if stored.position.major % 20 == 10:
            super()._store(now, topic, replace(message, id=f"{message.id}-made-up"))
        return stored


class StoresElsewhereToo(Mutant):
    """Stores every fifth message in another destination as well."""

    expected = frozenset({Guarantee.RIGHT_DESTINATION})
    needs = frozenset({Needs.TWO_DESTINATIONS})

    def _append(self, topic: Topic, stored: Stored) -> None:
        super()._append(topic, stored)
        other = self._another(topic)
        if stored.position.major % 5 == 0 and other is not None:
            super()._append(other, self._place(other, stored.message))


class FailsButStores(Mutant):
    """Refuses every tenth publish, having stored it."""

    expected = frozenset({Guarantee.NO_FAILED_DELIVERED})

    def publish(self, now: float, destination: str, message: Message) -> Receipt:
        receipt = super().publish(now, destination, message)
        if receipt.position.major % 10 == 0:
            raise NoLeader(destination)
        return receipt


class TwoAtOnePosition(Mutant):
    """Stores every tenth message at the position of the one before."""

    expected = frozenset({Guarantee.ONE_MESSAGE_PER_POSITION})

    def _place(self, topic: Topic, message: Message) -> Stored:
        if len(topic.log) % 10 == 9:
            return Stored(topic.log[-1].position, message)
        return super()._place(topic, message)


class SwapsInLog(Mutant):
    """Stores one message of every forty twenty positions later than its turn, and another earlier."""

    expected = frozenset({Guarantee.PER_KEY_ORDER})

    def _place(self, topic: Topic, message: Message) -> Stored:
        position = super()._place(topic, message).position
        shift = {10: 20, 30: -20}.get(position.major % 40, 0)
        return Stored(position._replace(major=position.major + shift), message)

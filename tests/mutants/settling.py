"""Brokers that lose track of what is settled, held, or to be dead-lettered."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from harness.backends.memory.state import Entry, Group, Handle, Topic
from harness.model.claim import Guarantee
from tests.mutants.mutant import Mutant, Needs

REMEMBERED = 5
"""How many settled messages of a group come back when settlements are forgotten."""


class RedeliversAfterAck(Mutant):
    """Hands every fifth message out again although it was acknowledged."""

    expected = frozenset({Guarantee.ACKED_STAYS_ACKED})

    def ack(self, now: float, handle: Handle) -> None:
        _, group = self._find(handle.destination, handle.group)
        entry = group.find(handle.ticket)
        super().ack(now, handle)
        if entry is not None and handle.ticket % 5 == 0 and handle.attempt == 1:
            self._put(group.ready, group, entry, inf)


class _ForgetsAcks(Mutant):
    """Can have the last settlements of a destination's groups undone."""

    expected = frozenset({Guarantee.ACKED_STAYS_ACKED})

    def __init__(self) -> None:
        super().__init__()
        self._settled: list[tuple[Group, Entry]] = []

    def _settle(self, group: Group, ticket: int) -> None:
        entry = group.find(ticket)
        super()._settle(group, ticket)
        if entry is not None:
            self._settled.append((group, entry))

    def _undo(self, destination: str) -> None:
        for group in self.topics[destination].groups.values() if destination in self.topics else ():
            for entry in [each for owner, each in self._settled if owner is group][-REMEMBERED:]:
                self._put(group.ready, group, entry, inf)


class ForgetsAcksOnFailover(_ForgetsAcks):
    """A new leader has not heard of the last acknowledgements."""

    needs = frozenset({Needs.FAILOVER})

    def promoted(self, now: float, destination: str) -> None:
        self._undo(destination)


class ForgetsAcksOnRestart(_ForgetsAcks):
    """A node that starts again has not kept the last acknowledgements."""

    needs = frozenset({Needs.RESTART})

    def restarted(self, now: float, held: Iterable[str]) -> None:
        for destination in held:
            self._undo(destination)


class RewindsGroupOnFailover(Mutant):
    """A new leader begins every group anew, at the earliest message."""

    expected = frozenset({Guarantee.ACKED_STAYS_ACKED})
    needs = frozenset({Needs.FAILOVER})

    def promoted(self, now: float, destination: str) -> None:
        topic = self.topics[destination]
        for name, group in topic.groups.items():
            topic.groups[name] = Group(name, group.config)
            for stored in topic.log:
                topic.groups[name].add(stored)


class LosesPendingOnRestart(Mutant):
    """A node that starts again takes whatever was handed out for settled."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.RESTART, Needs.LOST_ANSWER})

    def restarted(self, now: float, held: Iterable[str]) -> None:
        for topic in (self.topics[name] for name in held if name in self.topics):
            for group in topic.groups.values():
                group.held.clear()


class NeverRedelivers(Mutant):
    """Hands nothing out a second time, whether or not its lease is over."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.LOST_ANSWER})

    def _lease_over(self, topic: Topic, group: Group, entry: Entry, due: float, now: float) -> None:
        pass


class AcksOnDelivery(Mutant):
    """Takes a message for settled as soon as it is handed out."""

    expected = frozenset({Guarantee.EVERYTHING_DELIVERED})
    needs = frozenset({Needs.LOST_ANSWER})

    def _lease(self, now: float, topic: Topic, group: Group, entry: Entry) -> None:
        self._settle(group, entry.ticket)


class RedeliversEarly(Mutant):
    """Takes a lease for over after a fifth of it."""

    expected = frozenset({Guarantee.LEASE_HONOURED})
    needs = frozenset({Needs.UNSETTLED})

    def _lease_length(self, group: Group) -> float:
        return super()._lease_length(group) / 5


class IgnoresExtension(Mutant):
    """Says that it has extended a lease, and has not."""

    expected = frozenset({Guarantee.LEASE_HONOURED})
    needs = frozenset({Needs.EXTENSION})

    def extend(self, now: float, handle: Handle) -> None:
        self.advance(now)


class HandsOutHeld(Mutant):
    """Hands a message that somebody holds to whoever asks next."""

    expected = frozenset({Guarantee.LEASE_HONOURED})
    needs = frozenset({Needs.UNSETTLED})

    def _pick(self, group: Group, member: str, limit: int) -> list[Entry]:
        held = [entry for entry in group.held.values() if entry.attempts == 1]
        return held[:1] + super()._pick(group, member, limit)


class DeadLettersTwice(Mutant):
    """Puts two copies of a message into the dead letter."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.EXHAUSTION})

    def _dead_letter(self, now: float, topic: Topic, group: Group, entry: Entry) -> None:
        super()._dead_letter(now, topic, group, entry)
        super()._dead_letter(now, topic, group, entry)


class DropsInsteadOfDeadLettering(Mutant):
    """Gives a message up after its last attempt, and keeps it from the dead letter."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.EXHAUSTION})

    def _dead_letter(self, now: float, topic: Topic, group: Group, entry: Entry) -> None:
        self._settle(group, entry.ticket)


class DeliversAfterMaxDeliver(Mutant):
    """Hands a message out again and again, however often that failed."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.EXHAUSTION})

    def _exhausted(self, group: Group, entry: Entry) -> bool:
        return False


class DeliversDeadLetters(Mutant):
    """Hands a message out once more after it was rejected and dead-lettered."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.REJECT})

    def reject(self, now: float, handle: Handle) -> None:
        _, group = self._find(handle.destination, handle.group)
        entry = group.find(handle.ticket)
        super().reject(now, handle)
        if entry is not None:
            self._put(group.ready, group, entry, inf)


class CountsAttemptsTwice(Mutant):
    """Counts each attempt as two, so that messages are given up too early."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.RETRY})

    def _exhausted(self, group: Group, entry: Entry) -> bool:
        limit = group.config.max_deliver
        return limit is not None and 2 * entry.attempts >= limit


class DeadLettersOnNak(Mutant):
    """Dead-letters a message the first time it is given back."""

    expected = frozenset({Guarantee.DEAD_LETTER_EXACT})
    needs = frozenset({Needs.RETRY})

    def _give_back(self, now: float, topic: Topic, group: Group, entry: Entry, delay: float) -> None:
        self._dead_letter(now, topic, group, entry)

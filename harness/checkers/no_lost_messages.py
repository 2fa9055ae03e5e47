"""A lost message: its publish was acknowledged, and the log, read after healing, lacks it.

Judged are publishes that ended ``ok`` before the read of the log began, in destinations whose
log was read whole (observation ``log-read``). For each writer it is said which part of its
acknowledged messages is gone: all, the prefix, the postfix (what a failover loses) or some from
the middle (what a failover cannot explain).

Not lost: a message that is in the log and was not delivered (``EverythingDelivered``); one whose
publish ended ``info`` or never ended, which may be there or not; one that was moved to the dead
letter. If that dead letter's log was not read, a missing message that had been delivered may
have been moved there: the checker abstains from it, and from destinations whose log was not read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.checkers.anomaly import Anomaly
from harness.checkers.gathering import named
from harness.history.facts import LogRead, Publish
from harness.history.view import History
from harness.model.claim import Guarantee
from harness.model.outcome import Outcome

_OK = Outcome.OK


@dataclass(frozen=True, slots=True)
class NoLostMessages:
    """Finds acknowledged messages that are in no log."""

    guarantee: ClassVar[Guarantee] = Guarantee.NO_LOSS

    def __call__(self, history: History) -> list[Anomaly]:
        anomalies = []
        for destination, by_writer in _acknowledged(history).items():
            log = history.whole_log(destination)
            if log is None:
                continue
            excused = _excused(history, destination, log)
            for writer, acknowledged in by_writer.items():
                judged = [publish for publish in acknowledged if publish.returned <= log.invoked]
                lost = [publish for publish in judged if publish.message not in excused]
                if lost:
                    anomalies.append(self._anomaly(history, writer, judged, lost, log))
        return anomalies

    def abstains(self, history: History) -> list[str]:
        """The destinations of which too little was read to tell."""
        return list(_unjudged(history))

    def _anomaly(
        self, history: History, writer: str, judged: Sequence[Publish], lost: Sequence[Publish], log: LogRead
    ) -> Anomaly:
        messages = tuple(publish.message for publish in lost)
        destination = lost[0].destination
        delivered = len(_delivered(history, destination).intersection(messages))
        seen = f"; {delivered} of them had been delivered" if delivered else ""
        return Anomaly(
            guarantee=self.guarantee,
            summary=f"{named(messages)} acknowledged to {writer} missing from the log of {destination}, "
            f"{_part(judged, lost)} of what it had been acknowledged{seen}",
            messages=messages,
            # The read of the log is part of the evidence, so it must not be cut off.
            evidence=(*(publish.op for publish in lost[:9]), log.op),
            destination=destination,
            since=lost[0].invoked,
            until=lost[-1].returned,
        )


def _acknowledged(history: History) -> dict[str, dict[str, list[Publish]]]:
    """The acknowledged publishes by destination and writer, each list by invoke time."""
    acknowledged: defaultdict[str, defaultdict[str, list[Publish]]] = defaultdict(lambda: defaultdict(list))
    for publish in history.publishes:
        if publish.outcome is _OK:
            acknowledged[publish.destination][publish.client].append(publish)
    return {destination: dict(by_writer) for destination, by_writer in acknowledged.items()}


def _excused(history: History, destination: str, log: LogRead) -> set[str]:
    """The messages that are there, or were moved to the dead letter, or may have been."""
    present = {seen.message for seen in log.seen}
    if dead_letter := history.dead_letter(destination):
        present |= _delivered(history, dead_letter)
        if moved := history.whole_log(dead_letter):
            present.update(seen.message for seen in moved.seen)
        else:
            present |= _delivered(history, destination)
    return present


def _delivered(history: History, destination: str) -> set[str]:
    return {
        seen.message
        for of, receives in history.receives.items()
        if of[0] == destination
        for receive in receives
        for seen in receive.seen
    }


def _part(judged: Sequence[Publish], lost: Sequence[Publish]) -> str:
    """Where in a writer's acknowledged messages, in the order it published them, the lost ones are."""
    gone = {publish.op for publish in lost}
    if len(gone) == len(judged):
        return "the whole"
    if all(publish.op in gone for publish in judged[: len(gone)]):
        return "the prefix"
    if all(publish.op in gone for publish in judged[-len(gone) :]):
        return "the postfix"
    return "a part from the middle"


def _unjudged(history: History) -> Iterator[str]:
    for destination, by_writer in _acknowledged(history).items():
        log, dead_letter = history.whole_log(destination), history.dead_letter(destination)
        if log is None:
            yield (
                f"{destination}: its log was not read whole after healing, so losses cannot be told; "
                "case.drained() reads it"
            )
        elif dead_letter and history.whole_log(dead_letter) is None:
            present = {seen.message for seen in log.seen} | _delivered(history, dead_letter)
            delivered = _delivered(history, destination)
            acknowledged = {publish.message for publishes in by_writer.values() for publish in publishes}
            if gone := acknowledged & delivered - present:
                yield (
                    f"{destination}: {named(sorted(gone))} delivered and gone from its log; "
                    f"the log of its dead letter {dead_letter} was not read"
                )

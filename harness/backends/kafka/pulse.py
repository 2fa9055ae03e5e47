"""Whether brokers answer a client, read from librdkafka's statistics.

``poll`` returns nothing both when there is nothing and when the broker is gone, and the error
callback fires once per outage and never says that it is over. The statistics (``STATISTICS.md``) do
tell: every 500 ms, for each broker, the state of its connection and the time since it last sent
anything. A consumer has a fetch outstanding at the leader of each of its partitions, which answers
at the latest after ``fetch.wait.max.ms``: a silence of many times that means that it does not.

One look proves nothing: a connection may just be opening. Two in a row have to say the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

_SILENT = 1_500_000
"""Microseconds without a byte from a leader that owes an answer every tenth of a second."""


class Pulse:
    """The last two statistics of one client; written by its thread, read by the event loop."""

    def __init__(self) -> None:
        self._looks: tuple[dict[str, Any], ...] = ()
        self.answered = False

    def hear(self, statistics: str) -> None:
        """Take in what the statistics callback was given."""
        self._looks = (*self._looks[-1:], json.loads(statistics))

    @property
    def connected(self) -> bool:
        """Whether a connection to any broker is up (a frozen broker's is, until a request times out).

        Before the first statistics, whether a broker has answered at all.
        """
        return _connected(self._looks[-1]) if self._looks else self.answered

    def silence(self, topic: str, partitions: Iterable[int]) -> str:
        """Why nothing can come from these partitions of ``topic``; empty when something could."""
        looks = self._looks
        if len(looks) < 2:  # noqa: PLR2004 - two in a row
            return ""
        wanted = tuple(partitions)
        before, now = (_silence(look, topic, wanted) for look in looks)
        return now if before else ""


def _connected(look: dict[str, Any]) -> bool:
    return any(broker["state"] == "UP" for broker in look["brokers"].values())


def _silence(look: dict[str, Any], topic: str, partitions: tuple[int, ...]) -> str:
    if not _connected(look):
        return "no broker is connected"
    if not partitions:
        state = look["cgrp"]["state"]
        return "" if state == "up" else f"the group's coordinator does not answer ({state})"
    known = look["topics"].get(topic, {}).get("partitions", {})
    leaders = {known[str(partition)]["leader"] for partition in partitions if str(partition) in known}
    return "; ".join(filter(None, (_silent_leader(look, leader) for leader in sorted(leaders))))


def _silent_leader(look: dict[str, Any], leader: int) -> str:
    if leader < 0:
        return "a partition has no leader"
    for broker in look["brokers"].values():
        if broker["nodeid"] != leader or broker["source"] == "logical":
            continue
        if broker["state"] not in {"UP", "INIT"}:
            return f"leader {leader} is {broker['state']}"
        if broker["rxidle"] > _SILENT:
            return f"leader {leader} silent for {broker['rxidle'] / 1e6:.1f} s"
    return ""

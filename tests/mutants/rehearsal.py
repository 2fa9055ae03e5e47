"""One fixed piece of work, played on a broker by a clock of its own and recorded like a real case.

No event loop, no cluster, no waiting: what takes a second of leases here takes none. What is
played beyond plain traffic is told by ``Needs``, so that a fault can be shown to need just that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from typing import Any

import msgspec

from harness.backends.memory.broker import Broker
from harness.backends.memory.errors import BrokerError
from harness.history.records import Function, Observation, Op, Record, Seen, Stage
from harness.history.view import History
from harness.model.destination import Destination
from harness.model.message import Delivery, Message, Position, Stored
from tests.mutants.mutant import Needs

DEAD = Destination("orders.dead", replicas=3)
ORDERS = Destination("orders", replicas=3, dead_letter=DEAD)
OTHER = Destination("payments", replicas=3)

LEASE = 1.0
MAX_DELIVER = 3

GroupOf = tuple[Destination, str]

GROUPS: tuple[GroupOf, ...] = ((ORDERS, "billing"), (DEAD, "morgue"))


class Rehearsal:
    """The clients' part: every op is done on the broker at once and recorded with its end."""

    def __init__(self, broker: Broker, needs: frozenset[Needs]) -> None:
        self.broker = broker
        self.needs = needs
        self.poison: set[str] = set()
        self.groups = list(GROUPS)
        self._records: list[Record] = []
        self._now = 0.0
        self._ops = count(1)
        self._numbers = count(1)
        self._seen: dict[tuple[str, str], set[str]] = {}

    def history(self) -> History:
        """What was recorded so far."""
        return History(self._records)

    def needed(self, need: Needs) -> bool:
        """Whether the piece is to have this in it."""
        return need in self.needs

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def tell(self, what: Callable[[float, Any], None], of: Any) -> None:
        """Tell the broker what became of its nodes."""
        what(self._now, of)

    def publish(self, destination: Destination, number: int = 1, *, alone: bool = False) -> list[str]:
        """Publish messages, with ``alone`` to a leader that has lost its majority; their ids."""
        messages = list(islice(self._messages(), number))
        for message in messages:
            self.publish_message(destination, message, alone=alone)
        return [message.id for message in messages]

    def publish_message(self, destination: Destination, message: Message, *, alone: bool = False) -> None:
        """Publish this very message."""
        fields = {"message": message.id, "key": message.key.decode(), "digest": message.digest}

        def act(now: float) -> dict[str, Any] | None:
            if alone:
                receipt = self.broker.without_majority(destination.name, message)
            else:
                receipt = self.broker.publish(now, destination.name, message)
            if receipt is None:
                return None
            return {"position": receipt.position, "deduplicated": receipt.deduplicated}

        self._op(Function.PUBLISH, "p", destination, act, **fields)

    def receive(self, of: GroupOf, limit: int = 10, *, lost: bool = False) -> Sequence[Delivery]:
        """Receive once; with ``lost`` the answer does not arrive."""
        taken: list[Delivery] = []

        def act(now: float) -> dict[str, Any] | None:
            taken.extend(self.broker.receive(now, of[0].name, of[1], "c", limit))
            return None if lost else {"seen": tuple(map(_seen, taken))}

        self._op(Function.RECEIVE, "c", of[0], act, group=of[1])
        if lost:
            return ()
        self._seen.setdefault((of[0].name, of[1]), set()).update(each.message.id for each in taken)
        return taken

    def settle(self, function: Function, of: GroupOf, delivery: Delivery) -> None:
        """Acknowledge, give back, reject or extend."""

        def act(now: float) -> dict[str, Any]:
            more = (0.0,) if function is Function.NAK else ()
            getattr(self.broker, function)(now, delivery.handle, *more)
            return {}

        about = {"message": delivery.message.id, "position": delivery.position}
        self._op(function, "c", of[0], act, group=of[1], **about)

    def consume(self, *groups: GroupOf) -> None:
        """Receive for each group, then acknowledge for each, until nothing comes."""
        limit = 10 if self.needed(Needs.BATCH) else 1
        while any(got := [self.receive(of, limit) for of in groups]):
            for of, deliveries in zip(groups, got, strict=True):
                for delivery in deliveries:
                    self.settle(Function.ACK, of, delivery)

    def read_log(self, destination: Destination) -> None:
        """Read the whole log, and vouch for that."""

        def act(now: float) -> dict[str, Any]:
            log = self.broker.read_log(now, destination.name)
            return {"seen": tuple(_seen_stored(each, destination.name) for each in log)}

        self._op(Function.READ_LOG, "admin", destination, act)
        self.observe("log-read", destination)

    def observe(self, name: str, destination: Destination, group: str = "", detail: str = "") -> None:
        """Record something seen of the cluster."""
        self._records.append(
            Observation(name, self._time(), destination=destination.name, group=group, detail=detail)
        )

    def has_seen(self, of: GroupOf, message: str) -> bool:
        """Whether the group was handed the message."""
        return message in self._seen.get((of[0].name, of[1]), ())

    def _messages(self) -> Iterator[Message]:
        for number in self._numbers:
            headers = {"trace": f"t{number}"} if self.needed(Needs.HEADERS) else {}
            yield Message(f"p-{number}", b"payload", f"k{number % 3}".encode(), headers)

    def _op(
        self,
        function: Function,
        client: str,
        destination: Destination,
        act: Callable[[float], dict[str, Any] | None],
        **fields: Any,
    ) -> None:
        """Record the op around ``act``, which answers what the record gains, None if it ends unknown."""
        invoke = Op(
            Stage.INVOKE, next(self._ops), function, self._time(), 1, client, destination.name, **fields
        )
        try:
            answer = act(self._now)
            stage = Stage.INFO if answer is None else Stage.OK
        except BrokerError:
            answer, stage = None, Stage.FAIL
        end = msgspec.structs.replace(invoke, stage=stage, time=self._time(), **answer or {})
        self._records += [invoke, end]

    def _time(self) -> int:
        self._now += 0.0001
        return round(self._now * 1e9)


def _seen(delivery: Delivery) -> Seen:
    message = delivery.message
    attempt = delivery.attempt or 0
    return Seen(
        message.id, delivery.position, attempt, message.digest, message.key.decode(), delivery.destination
    )


def _seen_stored(stored: Stored, destination: str) -> Seen:
    message = stored.message
    position = Position(*stored.position)
    return Seen(message.id, position, 0, message.digest, message.key.decode(), destination)

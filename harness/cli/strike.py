"""A fault by hand: written down, injected, seen to bite, and healed by whichever command comes to it."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from harness.cli.fault_options import fault_named
from harness.cli.in_force import (
    InForce,
    faults_in_force,
    has_destination,
    note,
    note_destination,
    strike_out,
)
from harness.cli.kept import Kept
from harness.cli.output import say
from harness.model.destination import Destination
from harness.model.errors import DeadlineExceeded, HarnessError, NothingToTarget, UnknownName
from harness.model.link import Link

if TYPE_CHECKING:
    from harness.faults import Fault, Field, Hit

DEFAULT_DESTINATION = "by-hand"
"""What roles such as leader refer to where no destination is named; made when it is first needed."""

CREATE_WITHIN = 15.0
COPIES = 3
"""Replicas of a destination, where there are as many nodes."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: a fault by its registered name, with what its roles refer to."""

    kept: Kept
    name: str
    fault: Fault
    destination: str = DEFAULT_DESTINATION
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    def written(self) -> InForce:
        """What is written down before anything is touched."""
        return InForce(
            id=self.id,
            fault=self.name,
            text=str(self.fault),
            params=_params(self.fault),
            destination=self.destination,
            time=time.time(),
        )


@dataclass(frozen=True, slots=True)
class Struck:
    """An injected fault; ``missed`` is what was seen instead of its bite, empty if it bit."""

    fault: InForce
    missed: str
    seconds: float


async def strike(order: Order) -> Struck:
    """Inject a fault and look, until a deadline, whether it bites.

    Raises ``NothingToTarget`` or ``UnknownName`` when there is nothing to hit, and nothing is
    written down then; after any other error the fault counts as in force.
    """
    async with _field(order.kept, order.destination) as where:
        await _have_destination(order.kept, where)
        entry = note(order.kept.id, order.written())
        try:
            hit = await _within(order.fault.inject(where), f"{order.fault} injected")
        except (NothingToTarget, UnknownName) as error:
            strike_out(order.kept.id, entry.id)
            raise _explained(error, order.destination) from None
        injected = msgspec.structs.replace(entry, injected=True, nodes=hit.nodes, leaders=hit.leaders)
        return await _look(order, where, hit, note(order.kept.id, injected))


async def heal(kept: Kept, entry: InForce) -> None:
    """Heal a fault by its own means and forget it.

    Raises ``UnknownName`` when its package is gone, ``DeadlineExceeded`` and what healing raises.
    """
    from harness.faults import Hit  # noqa: PLC0415 - pays for what it uses only

    fault = msgspec.convert(entry.params, type=fault_named(entry.fault))
    async with _field(kept, entry.destination) as where:
        await _within(fault.heal(where, Hit(entry.nodes, entry.leaders)), f"{entry.text} healed")
    strike_out(kept.id, entry.id)


def still_in_force(kept: Kept, fault_id: str) -> InForce | None:
    """Return a fault if no command has healed it, and its cluster is still there."""
    return next((fault for fault in faults_in_force(kept.id) if fault.id == fault_id), None)


async def _look(order: Order, field: Field, hit: Hit, entry: InForce) -> Struck:
    from harness.scenario.striking import BITE_WITHIN  # noqa: PLC0415 - pays for what it uses only
    from harness.waits import wait_for_condition  # noqa: PLC0415

    started = time.monotonic()
    try:
        evidence = await wait_for_condition(
            lambda: order.fault.verify(field, hit),
            condition=f"{order.fault} seen to bite",
            within=BITE_WITHIN,
            every=0.1,
        )
    except DeadlineExceeded as missed:
        last_seen = missed.last_seen or "no sign of it"
        return Struck(entry, f"not within {BITE_WITHIN:g} s; last seen: {last_seen}", BITE_WITHIN)
    bitten = note(order.kept.id, msgspec.structs.replace(entry, evidence=evidence))
    return Struck(bitten, "", time.monotonic() - started)


@asynccontextmanager
async def _field(kept: Kept, destination: str) -> AsyncIterator[Field]:
    from harness.faults import Field  # noqa: PLC0415 - pays for what it uses only

    cluster = kept.attach()
    observer = kept.backend.observer(cluster)
    subject = Destination(destination, replicas=min(COPIES, len(cluster.nodes)))
    try:
        # Whoever says `any` by hand wants any; nothing here is replayed.
        yield Field(cluster, observer, subject, random.Random())
    finally:
        await observer.close()


async def _within(step: Awaitable[Any], what: str) -> Any:
    import anyio  # noqa: PLC0415 - pays for what it uses only

    from harness.scenario.striking import INJECT_WITHIN  # noqa: PLC0415

    try:
        with anyio.fail_after(INJECT_WITHIN):
            return await step
    except TimeoutError:
        raise DeadlineExceeded(what, INJECT_WITHIN, "it hangs") from None


async def _have_destination(kept: Kept, field: Field) -> None:
    """Make the default destination; where that fails, only faults that need a leader will."""
    if field.destination.name != DEFAULT_DESTINATION or has_destination(kept.id):
        return
    try:
        if not await _is_led(field):
            await _make_destination(kept, field)
    except HarnessError as error:
        say(f"warning: {error}")
    else:
        note_destination(kept.id)


async def _is_led(field: Field) -> bool:
    try:
        return all(await field.observer.leaders(field.destination))
    except Exception:  # noqa: BLE001 - whatever an observer meets, it saw no leader
        return False


async def _make_destination(kept: Kept, field: Field) -> None:
    from harness.waits import wait_for_condition  # noqa: PLC0415 - pays for what it uses only

    say(f"making destination {DEFAULT_DESTINATION!r}, to which roles such as leader refer")
    client = kept.backend.client(field.cluster, Link.ADMIN, DEFAULT_DESTINATION)

    async def made() -> bool:
        if not client.is_connected:
            await client.connect()
        await client.create_destination(field.destination)
        return True

    what = f"destination {DEFAULT_DESTINATION!r} made"
    try:
        await wait_for_condition(made, condition=what, within=CREATE_WITHIN, every=0.5)
    finally:
        await client.disconnect()


def _explained(error: HarnessError, destination: str) -> HarnessError:
    if isinstance(error, NothingToTarget) and destination in str(error):
        hint = f"is there a destination {destination!r}? Without --destination, one is made"
        return HarnessError(f"{error}\nhint: {hint}")
    return error


def _params(fault: Fault) -> dict[str, Any]:
    params: dict[str, Any] = msgspec.to_builtins(fault)
    return params

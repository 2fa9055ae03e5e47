"""One fault in force: recorded before it is injected, seen to bite, held, healed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from harness.faults.contract import Fault, Field, Hit, Lasting, TakesTime
from harness.faults.observed import leader_moved
from harness.history.records import FaultStage
from harness.model.errors import DeadlineExceeded
from harness.scenario.ledger import Ledger
from harness.waits import wait_for_condition

INJECT_WITHIN = 30.0
BITE_WITHIN = 15.0
REACT_WITHIN = 30.0
HEAL_WITHIN = 30.0
LONGEST_LIFE = 300.0
"""Seconds after which a fault is healed whatever its block does, unless the scenario says otherwise."""


class Strike:
    """What a scenario holds while a fault is in force; ``hit`` is None until it is injected."""

    def __init__(self, fault: Fault, field: Field, hit: Hit | None, ledger: Ledger, number: int) -> None:
        self._fault = fault
        self._field = field
        self._hit = hit or Hit(())
        self._injected = hit is not None
        self._ledger = ledger
        self._number = number
        self._reacted = False
        self._healing = anyio.Lock()
        self._healed: bool | None = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that were hit."""
        return self._hit.nodes

    async def role_moved(self, within: float) -> None:
        """Return when what the hit nodes led is led by others; raises ``DeadlineExceeded`` otherwise."""
        hit = ", ".join(self.nodes)
        await wait_for_condition(
            lambda: leader_moved(self._field, self._hit),
            condition=f"{self._fault}: leader of {self._field.destination.name} moved off {hit}",
            within=within,
            every=0.1,
        )

    async def noticed(self, within: float = REACT_WITHIN) -> None:
        """Return when the cluster has reacted, which is recorded; asked at most once."""
        if not self._reacted and self._healed is None:
            self._reacted = True
            await self._seen(self._fault.reacted, FaultStage.REACTED, FaultStage.NOT_REACTED, within)

    async def bitten(self) -> None:
        """Record whether the fault was seen to bite."""
        seen = await self._seen(self._fault.verify, FaultStage.BITTEN, FaultStage.NOT_BITTEN, BITE_WITHIN)
        if seen and isinstance(self._fault, Lasting) and self._fault.condition:
            for node in self.nodes:
                self._ledger.observe(self._fault.condition, node=node, detail=seen)

    async def _seen(
        self,
        look: Callable[[Field, Hit], Awaitable[str]],
        seen: FaultStage,
        not_seen: FaultStage,
        within: float,
    ) -> str:
        try:
            evidence = await wait_for_condition(
                lambda: look(self._field, self._hit),
                condition=f"{self._fault} {seen}",
                within=within,
                every=0.1,
            )
        except DeadlineExceeded as missed:
            self._write(not_seen, str(missed))
            return ""
        self._write(seen, evidence)
        return evidence

    def _write(self, stage: FaultStage, detail: str) -> None:
        self._ledger.fault(self._number, self._fault, stage, nodes=self.nodes, detail=detail)

    async def heal(self) -> bool:
        """Heal once, bounded and shielded from cancellation; whether that succeeded."""
        with anyio.CancelScope(shield=True):
            async with self._healing:
                if self._healed is None:
                    self._healed = await self._heal()
        return bool(self._healed)

    async def outlived(self, life: float) -> None:
        """Heal it after ``life`` seconds; for a block that hangs."""
        await anyio.sleep(life)
        self._ledger.observe(
            "outlived", value=life, detail=f"{self._fault} was healed after its longest life"
        )
        await self.heal()

    async def _heal(self) -> bool:
        self._write(FaultStage.HEALING, "")
        try:
            with anyio.fail_after(HEAL_WITHIN):
                await self._undo()
        except Exception as error:  # noqa: BLE001 - recorded; the cluster is replaced, the run goes on
            self._write(FaultStage.HEAL_FAILED, f"{type(error).__name__}: {error}")
            return False
        self._write(FaultStage.HEALED, "")
        return True

    async def _undo(self) -> None:
        if self._injected:
            await self._fault.heal(self._field, self._hit)
        else:
            # An injection that failed may have hit some of its nodes, and does not say which.
            await self._field.act(self._field.cluster.heal)


@asynccontextmanager
async def striking(  # noqa: PLR0913 - what a fault touches, who is told, and how long it may last
    fault: Fault,
    field: Field,
    ledger: Ledger,
    spoilt: Callable[[], None],
    watch: Callable[[], Awaitable[None]],
    *,
    life: float = LONGEST_LIFE,
    patient: bool = True,
) -> AsyncIterator[Strike]:
    """Inject a fault, see it bite, and heal it on the way out, after the cluster has reacted.

    ``spoilt`` is called when the cluster is not fit for another case: it did not heal, or the fault is
    ``Lasting``. ``watch`` looks at who leads; it is asked while the fault is in force, and once it is healed.
    Raises ``NothingToTarget`` when no node holds the role. Where the body fails, healing does not
    wait for a reaction, nor where the caller is not ``patient``. After ``life`` seconds it is healed
    even if the block still runs.
    """
    number = ledger.next_fault()
    ledger.fault(number, fault, FaultStage.INJECTING)
    strike = Strike(fault, field, None, ledger, number)
    clock: asyncio.Task[None] | None = None
    if isinstance(fault, Lasting):
        spoilt()
    try:
        within = fault.inject_within if isinstance(fault, TakesTime) else INJECT_WITHIN
        with anyio.fail_after(within):
            hit = await fault.inject(field)
        strike = Strike(fault, field, hit, ledger, number)
        ledger.fault(number, fault, FaultStage.INJECTED, nodes=hit.nodes)
        clock = asyncio.create_task(strike.outlived(life))
        await strike.bitten()
        yield strike
        if patient:
            await strike.noticed()
        await watch()
    finally:
        if clock is not None:
            clock.cancel()
        if not await strike.heal():
            spoilt()

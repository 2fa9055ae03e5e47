"""Have the leader hand over in good order, by the broker's own command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.faults.contract import Field, Hit
from harness.faults.observed import leader_moved
from harness.faults.targets import resolve
from harness.model.destination import Destination
from harness.model.errors import NothingToTarget


@runtime_checkable
class CanTransferLeadership(Protocol):
    """An observer that can ask its broker for another leader."""

    async def transfer_leadership(self, destination: Destination) -> None:
        """Ask once; raises the client's own error, or ``HarnessError``, when that is refused."""
        ...


@dataclass(frozen=True, slots=True)
class TransferLeadership:
    """Ask for another leader; nothing is to be healed, the new one stays."""

    def __str__(self) -> str:
        return "transfer-leadership"

    async def inject(self, field: Field) -> Hit:
        """Ask; raises ``NothingToTarget`` where the broker has no such command."""
        if not isinstance(field.observer, CanTransferLeadership):
            raise NothingToTarget("able to hand over the lead", field.destination.name)
        hit = Hit(await resolve(field, "leader"), await field.observer.leaders(field.destination))
        await field.observer.transfer_leadership(field.destination)
        return hit

    async def verify(self, field: Field, hit: Hit) -> str:
        """Another node leads."""
        return await leader_moved(field, hit)

    async def reacted(self, field: Field, hit: Hit) -> str:
        """To hand over is the reaction."""
        return await leader_moved(field, hit)

    async def heal(self, field: Field, hit: Hit) -> None:
        """There is nothing to heal."""

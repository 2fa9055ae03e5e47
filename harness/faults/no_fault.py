"""Nothing goes wrong: the control case, and the shortest example of a fault."""

from __future__ import annotations

from dataclasses import dataclass

from harness.faults.contract import Field, Hit


@dataclass(frozen=True, slots=True)
class NoFault:
    """Touch nothing; what fails under it is not the fault's doing."""

    def __str__(self) -> str:
        return "no-fault"

    async def inject(self, field: Field) -> Hit:
        """Hit no node."""
        return Hit(nodes=(), leaders=await field.observer.leaders(field.destination))

    async def verify(self, field: Field, hit: Hit) -> str:
        """The control case holds when every node still answers."""
        del hit
        silent = [node for node in field.cluster.nodes if not await field.observer.answers(node)]
        return "" if silent else "every node answers"

    async def reacted(self, field: Field, hit: Hit) -> str:
        """There is nothing to react to."""
        del field, hit
        return "nothing to react to"

    async def heal(self, field: Field, hit: Hit) -> None:
        """There is nothing to heal."""

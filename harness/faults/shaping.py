"""What the faults on a link's bytes share: toxics in force and at rest, and talks held over the link.

A talk is a connection of ours over the hit link, opened before the fault is injected: what becomes
of it is the evidence, and owes nothing to the link proxy's own word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from harness.backends.contract import CanTalk, Talk
from harness.faults.contract import Field, Hit
from harness.faults.sever import SEVERABLE
from harness.faults.targets import checked_target, resolve
from harness.model.cluster import CanShapeLinks, Toxic
from harness.model.errors import BadOption, UnknownName
from harness.model.link import Link


@dataclass(frozen=True, slots=True)
class TalkingHit(Hit):
    """A hit, and one talk over each hit link to each hit node that answered before."""

    talks: tuple[Talk, ...] = ()


def checked_link(link: str, target: str) -> None:
    """Raise ``UnknownName`` for a link that cannot be hit, or a target that is none."""
    if link not in SEVERABLE:
        raise UnknownName("link", link, SEVERABLE)
    checked_target(target)


def at_least(option: str, value: float, least: float) -> None:
    """Raise ``BadOption`` for a value below ``least``."""
    if value < least:
        raise BadOption(option, value, f"at least {least:g} is needed")


def named(fault: str, link: str, target: str, *parameters: object) -> str:
    """What a fault on a link is called; the target is left out where it is every node."""
    where = () if target == "all" else (target,)
    return f"{fault}({','.join(map(str, (link, *where, *parameters)))})"


def talker(field: Field, fault: object) -> CanTalk:
    """The field's observer as one that can talk; raises ``BadOption`` where it cannot."""
    if not isinstance(field.observer, CanTalk):
        raise BadOption("fault", str(fault), f"{type(field.observer).__name__} cannot hold a connection")
    return field.observer


def shaper(field: Field, fault: object) -> CanShapeLinks:
    """The field's cluster as one whose links can be shaped; raises ``BadOption`` where they cannot."""
    if not isinstance(field.cluster, CanShapeLinks):
        raise BadOption("fault", str(fault), f"links of {field.cluster.spec} are whole or cut")
    return field.cluster


async def talks_over(field: Field, fault: object, link: str, target: str) -> TalkingHit:
    """Resolve the target, and open a talk over every link to every node that answers."""
    observer = talker(field, fault)
    nodes = await resolve(field, target)
    leaders = await field.observer.leaders(field.destination)
    talks = []
    for node in nodes:
        for each in SEVERABLE[link]:
            with suppress(OSError):  # another fault may have the node: then there is nothing to see on it
                talks.append(await observer.talk(node, each))
    return TalkingHit(nodes, leaders, talks=tuple(talks))


async def put_in_force(field: Field, fault: object, link: str, target: str, toxic: Toxic) -> TalkingHit:
    """Open the talks, then put the toxic in force; raises ``BadOption`` where that cannot be."""
    cluster = shaper(field, fault)
    hit = await talks_over(field, fault, link, target)
    try:
        for each in SEVERABLE[link]:
            await field.act(cluster.add_toxic, each, hit.nodes, toxic)
    except BaseException:
        close_talks(hit)
        raise
    return hit


async def put_to_rest(field: Field, fault: object, hit: Hit, link: str, toxic: Toxic) -> None:
    """Close the talks and let everything pass again."""
    close_talks(hit)
    cluster = shaper(field, fault)
    for each in SEVERABLE[link]:
        await field.act(cluster.rest_toxic, each, hit.nodes, toxic)


def talks_of(hit: Hit) -> tuple[Talk, ...]:
    """The talks that a hit holds."""
    return hit.talks if isinstance(hit, TalkingHit) else ()


def close_talks(hit: Hit) -> None:
    """Drop the connections we held."""
    for talk in talks_of(hit):
        talk.close()


async def measured(
    field: Field, fault: object, hit: Hit, link: str, measure: Callable[[Talk], Awaitable[float]]
) -> list[float]:
    """What ``measure`` finds on a new connection over every hit link to every hit node, side by side."""

    async def one(node: str, each: Link) -> float:
        talk = await talker(field, fault).talk(node, each)
        try:
            return await measure(talk)
        finally:
            talk.close()

    return await asyncio.gather(*(one(node, each) for node in hit.nodes for each in SEVERABLE[link]))


async def over_admin(field: Field, fault: object, node: str, within: float, size: int = 0) -> float:
    """The seconds a request of ``size`` bytes takes over the admin link, for comparison."""
    talk = await talker(field, fault).talk(node, Link.ADMIN)
    try:
        return await talk.ask(within, size)
    finally:
        talk.close()


async def ended(talk: Talk, within: float) -> bool:
    """Whether a request on the talk finds the connection ended; False when it is answered, or silent."""
    try:
        await talk.ask(within)
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return False

"""Which node is taken for the primary when Sentinels disagree, are silent, or are late."""

from __future__ import annotations

from typing import Any

import pytest

from harness.backends.redis import primary
from harness.backends.redis.errors import NotSent
from harness.backends.redis.primary import Opinion, Primary, agreed
from harness.model.link import Link

pytestmark = pytest.mark.anyio


async def chosen(stage: Any, *sentinels: Any) -> str:
    nodes = await stage.start(*(stage.server() for _ in sentinels), sentinels=sentinels)
    return await Primary(nodes, Link.CONSUMER, "c").node()


async def test_two_of_three_decide(stage: Any) -> None:
    """The Sentinel beside an isolated primary, which has missed the failover, is outvoted."""
    new, old = stage.sentinel("n2", 1), stage.sentinel("n1", 0)
    assert await chosen(stage, old, new, stage.sentinel("n2", 1)) == "n2"


async def test_newest_failover_decides_between_two(stage: Any) -> None:
    """With one Sentinel gone and two at odds, the later configuration is the true one."""
    gone = stage.server(CLIENT=lambda _: stage.HANG_UP)
    assert await chosen(stage, stage.sentinel("n1", 3), gone, stage.sentinel("n3", 4)) == "n3"


async def test_silent_sentinel_is_not_waited_for_when_two_agree(
    stage: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frozen node must not slow the search down."""
    monkeypatch.setattr(primary, "ASK", 60.0)
    frozen = stage.server(CLIENT=lambda _: stage.SILENCE)
    assert await chosen(stage, frozen, stage.sentinel("n2", 1), stage.sentinel("n2", 1)) == "n2"


async def test_no_sentinel_means_nothing_can_be_sent(stage: Any) -> None:
    """An address of old is not tried: the operation fails, definitely."""
    gone = [stage.server(CLIENT=lambda _: stage.HANG_UP) for _ in range(3)]
    with pytest.raises(NotSent, match="no Sentinel answers"):
        await chosen(stage, *gone)


async def test_single_node_needs_no_sentinel(stage: Any) -> None:
    """There is only one it could be."""
    nodes = await stage.start(stage.server())
    assert await Primary(nodes, Link.CONSUMER, "c").node() == "n1"


def test_agreement_needs_two_of_one_opinion() -> None:
    """Two that say different things do not agree, nor does one alone."""
    assert agreed([Opinion(1, "n1")]) == ""
    assert agreed([Opinion(1, "n1"), Opinion(2, "n2")]) == ""
    assert agreed([Opinion(1, "n1"), Opinion(2, "n2"), Opinion(1, "n2")]) == "n2"

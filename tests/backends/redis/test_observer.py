"""What the observer makes of what servers and Sentinels say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.backends.redis import BACKEND, observer, primary
from harness.model.destination import Destination
from harness.model.link import Link

pytestmark = pytest.mark.anyio

ORDERS = Destination("t.orders")
NODES = ("n1", "n2", "n3")
PATIENCE = 30.0
SHORT = 0.1
"""Seconds for the answer of a node that is silent."""


class World:
    """Three healthy nodes, of which a test breaks one thing."""

    def __init__(self, stage: Any) -> None:
        self.primary = "n1"
        self.flags: dict[str, str] = {}
        self.reported: dict[str, str] = {}
        self.tilt = "0"
        self.replica = {
            "role": "slave",
            "master_host": "n1",
            "master_link_status": "up",
            "slave_repl_offset": "7",
        }
        self.servers = {
            node: stage.server(ROLE=self.role(node), INFO=self.replication(node)) for node in NODES
        }
        self.sentinels = [
            stage.server(
                SENTINEL=self.sentinel(node), INFO=lambda _: f"sentinel_tilt:{self.tilt}\r\n".encode()
            )
            for node in NODES
        ]

    def role(self, node: str) -> Any:
        return lambda _: [b"master" if node == self.primary else b"slave", 0, []]

    def replication(self, node: str) -> Any:
        def answer(_: list[bytes]) -> bytes:
            state = {"role": "master", "master_repl_offset": "7"} if node == self.primary else self.replica
            return b"# Replication\r\n" + "".join(f"{k}:{v}\r\n" for k, v in state.items()).encode()

        return answer

    def instance(self, node: str, kind: str) -> list[bytes]:
        state = {
            "ip": node,
            "flags": self.flags.get(node, kind),
            "role-reported": self.reported.get(node, kind),
            "config-epoch": "0",
        }
        return [word.encode() for pair in state.items() for word in pair]

    def sentinel(self, own: str) -> Any:
        def answer(command: list[bytes]) -> Any:
            replicas = [node for node in NODES if node != self.primary]
            answers = {
                b"GET-MASTER-ADDR-BY-NAME": [self.primary.encode(), b"6379"],
                b"MASTER": self.instance(self.primary, "master"),
                b"REPLICAS": [self.instance(node, "slave") for node in replicas],
                b"SENTINELS": [self.instance(node, "sentinel") for node in NODES if node != own],
            }
            return answers[command[1]]

        return answer

    async def observer(self, stage: Any) -> Any:
        return BACKEND.observer(await stage.start(*self.servers.values(), sentinels=self.sentinels))


@pytest.fixture
def world(stage: Any) -> World:
    """Return three healthy nodes that are not started yet."""
    return World(stage)


@pytest.fixture(autouse=True)
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give nodes half a minute for an answer, however busy the machine is; return what gives them less."""

    def allow(seconds: float) -> None:
        monkeypatch.setattr(observer, "ANSWER", seconds)

    monkeypatch.setattr(primary, "ASK", PATIENCE)
    allow(PATIENCE)
    return allow


async def test_healthy_cluster_is_ready(stage: Any, world: World) -> None:
    """Every node answers, the Sentinels agree, the replicas have everything."""
    eyes = await world.observer(stage)
    assert await eyes.not_ready() == ""
    assert await eyes.leaders(ORDERS) == ("n1",)
    assert await eyes.replicas_in_sync(ORDERS)
    assert await eyes.peers_seen_alive("n2") == {"n1", "n3"}
    assert await eyes.controller() == ""
    await eyes.close()


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        ({"flags": {"n3": "s_down,slave,disconnected"}}, "Sentinel of n1 does not see n3 alive"),
        ({"reported": {"n2": "master"}}, "has yet to learn the role of n2"),
        ({"tilt": "1"}, "Sentinel of n1 abstains"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_sentinel_out_of_step_is_named(stage: Any, world: World, broken: Any, seen: str) -> None:
    """A cluster whose Sentinels could not carry out the next failover is not ready."""
    vars(world).update(broken)
    eyes = await world.observer(stage)
    assert seen in await eyes.not_ready()
    await eyes.close()


@pytest.mark.parametrize(
    ("state", "seen"),
    [
        ({"master_link_status": "down"}, "n2: link to n1 is down"),
        ({"master_host": "n3"}, "n2: link to n3 is up"),
        ({"slave_repl_offset": "5"}, "n2: 2 bytes behind"),
        ({"role": "master"}, "n2: calls itself primary"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_replica_out_of_step_is_named(stage: Any, world: World, state: Any, seen: str) -> None:
    """A replica is in sync when it follows the primary and has what the primary had before."""
    world.replica |= state
    eyes = await world.observer(stage)
    assert seen in await eyes.not_ready()
    assert not await eyes.replicas_in_sync(ORDERS)
    await eyes.close()


async def test_node_the_sentinels_name_must_agree(
    stage: Any, world: World, allow: Callable[[float], None]
) -> None:
    """A primary that has become a replica, or is silent, leads nothing."""
    eyes = await world.observer(stage)
    world.servers["n1"].answers["ROLE"] = lambda _: [b"slave", b"n2", 6379, b"connected", 0]
    assert await eyes.leaders(ORDERS) == ("",)
    assert await eyes.not_ready() == "no primary that most Sentinels agree on"
    world.servers["n1"].answers["ROLE"] = lambda _: stage.SILENCE
    allow(SHORT)
    assert await eyes.leaders(ORDERS) == ("",)
    await eyes.close()


async def test_accepted_connection_is_no_answer(stage: Any, allow: Callable[[float], None]) -> None:
    """A proxy accepts for a dead node; only PONG counts."""
    server = stage.server(CLIENT=lambda _: stage.SILENCE)
    eyes = BACKEND.observer(await stage.start(server))
    allow(SHORT)
    assert not await eyes.answers("n1", Link.PUBLISHER)
    allow(PATIENCE)
    server.answers["CLIENT"] = lambda _: "OK"
    server.answers["PING"] = lambda _: Exception("LOADING Redis is loading the dataset in memory")
    assert not await eyes.answers("n1")
    server.answers["PING"] = lambda _: "PONG"
    assert await eyes.answers("n1")
    await eyes.close()


async def test_silent_node_is_named(stage: Any, world: World, allow: Callable[[float], None]) -> None:
    """Not ready says which node, and why."""
    eyes = await world.observer(stage)
    assert await eyes.not_ready() == ""
    world.servers["n2"].answers["PING"] = lambda _: stage.SILENCE
    allow(SHORT)
    assert "n2: no reply to PING" in await eyes.not_ready()
    await eyes.close()


async def test_single_node_is_ready_alone(stage: Any) -> None:
    """No Sentinels, no peers, no replicas."""
    server = stage.server(INFO=lambda _: b"role:master\r\nmaster_repl_offset:0\r\n")
    eyes = BACKEND.observer(await stage.start(server))
    assert await eyes.not_ready() == ""
    assert await eyes.leaders(ORDERS) == ("n1",)
    assert await eyes.peers_seen_alive("n1") == frozenset()
    assert await eyes.replicas_in_sync(ORDERS)
    await eyes.close()


async def test_deaf_sentinel_raises(stage: Any, world: World, allow: Callable[[float], None]) -> None:
    """Whom a silent node believes alive is not known, rather than nobody."""
    eyes = await world.observer(stage)
    assert await eyes.peers_seen_alive("n1") == {"n2", "n3"}
    world.sentinels[0].answers["SENTINEL"] = lambda _: stage.SILENCE
    allow(SHORT)
    with pytest.raises(Exception, match="no reply to SENTINEL"):
        await eyes.peers_seen_alive("n1")
    await eyes.close()

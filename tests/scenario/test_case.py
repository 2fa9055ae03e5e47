"""What a scenario holds in its hands: phases, destinations, traffic, and an end that leaves nothing open."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec
import pytest

from harness.backends.memory import MemoryBackend
from harness.backends.memory.cluster import MemoryCluster
from harness.checkers.everything_delivered import EverythingDelivered
from harness.checkers.judge import Verdict
from harness.checkers.no_lost_messages import NoLostMessages
from harness.faults.kill import Kill
from harness.faults.pause import Pause
from harness.history.records import FaultRecord, Function, Observation, Op, PhaseRecord, Record, Stage
from harness.history.store import MERGED, part, read_case
from harness.model.capability import Capability
from harness.model.consumer import ConsumerConfig
from harness.model.errors import BadOption, DeadlineExceeded, HarnessError, VerdictUnknown, ViolationFound
from harness.model.link import Link
from harness.scenario.case import CONNECT_WITHIN, GRACE, Case
from harness.workloads.consumer_process import Assignment
from tests.mutants.delivering import SkipsForOneGroup
from tests.mutants.storing import NeverStoresEveryTenth
from tests.scenario.doubles import ToldFault
from tests.scenario.stage import opened
from tests.scenario.virtual_time import at_once


def ops(case: Case, function: Function) -> list[Op]:
    """The ops of one function so far."""
    return [each for each in records(case) if isinstance(each, Op) and each.function is function]


def records(case: Case) -> list[Record]:
    """The history so far."""
    return list(read_case(case.directory))


def simulated(case: Case) -> MemoryCluster:
    """Its cluster."""
    assert isinstance(case.cluster, MemoryCluster)
    return case.cluster


async def some_traffic(case: Case) -> None:
    """Publish and consume for a while, and drain."""
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=100), case.consuming(orders, group="billing"):
        await case.steady(seconds=0.2)
    await case.drained(orders)


@at_once
async def test_the_six_phases_are_in_the_history(tmp_path: Path) -> None:
    """In their order, each with its end, and the current one can be told."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        async with case.publishing(orders), case.consuming(orders, group="billing"):
            await case.steady(seconds=0.1)
            async with case.fault(Kill("leader"), at=orders):
                assert case.phase_now == "fault"
                await case.steady(seconds=0.1)
                assert case.phase_now == "fault"
            await case.recovered(orders, within=20)
        await case.drained(orders)
        case.check(NoLostMessages())
    phases = [(each.name, each.begins) for each in read_case(tmp_path) if isinstance(each, PhaseRecord)]
    names = ["setup", "steady", "fault", "steady", "recovery", "verify", "consistency"]
    assert [name for name, begins in phases if begins] == names
    assert sorted(name for name, begins in phases if not begins) == sorted(names)


@at_once
async def test_cases_that_share_a_cluster_never_meet(tmp_path: Path) -> None:
    """Their destinations differ, though name and seed are the same; copies are as many as there can be."""
    async with opened(tmp_path / "1") as one, opened(tmp_path / "2") as other:
        first, second = await one.destination("orders"), await other.destination("orders")
        assert first.name != second.name
        assert first.name.endswith(".orders")
        assert first.replicas == 3
    async with opened(tmp_path / "3", nodes=1) as small:
        assert (await small.destination("orders", partitions=4)).replicas == 1


@at_once
async def test_a_dead_letter_is_made_and_told_of(tmp_path: Path) -> None:
    """The checkers learn from the history where a destination dead-letters to."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders", dead_letter=True)
        assert orders.dead_letter is not None
        [told] = [each for each in records(case) if isinstance(each, Observation)]
        assert (told.name, told.destination, told.detail) == (
            "dead-letter",
            orders.name,
            orders.dead_letter.name,
        )
        assert await case.dead_letters(orders) == []
        plain = await case.destination("returns")
        with pytest.raises(AssertionError, match="made without a dead letter"):
            await case.dead_letters(plain)


@at_once
async def test_a_cluster_that_has_just_healed_is_given_time_to_place_replicas(tmp_path: Path) -> None:
    """Each attempt to create is an operation of its own."""
    async with opened(tmp_path) as case, anyio.create_task_group() as tasks:
        simulated(case).kill("n3")

        async def start_it_again() -> None:
            await anyio.sleep(1.2)
            simulated(case).start("n3")

        tasks.start_soon(start_it_again)
        await case.destination("orders")
        stages = [each.stage for each in ops(case, Function.CREATE) if each.stage is not Stage.INVOKE]
        assert stages == [Stage.FAIL] * 3 + [Stage.OK]


@at_once
async def test_connecting_in_vain_ends(tmp_path: Path) -> None:
    """With the client's name and what it met."""
    async with opened(tmp_path, backend=MemoryBackend(patience=0.1)) as case:
        simulated(case).sever(Link.PUBLISHER, case.cluster.nodes)
        begun = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"client-1 connects: .* Refused: no connection"):
            await case.client()
        assert CONNECT_WITHIN <= time.monotonic() - begun < CONNECT_WITHIN + 1.0


@at_once
async def test_consuming_begins_once_every_member_has_joined(tmp_path: Path) -> None:
    """Traffic before that would be missed by a group that starts with what is new."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        async with case.consuming(orders, group="billing", members=3) as members:
            assert all(member.has_joined for member in members)
            joined = [each for each in ops(case, Function.SUBSCRIBE) if each.stage is Stage.OK]
            assert len({each.client for each in joined}) == 3


@at_once
async def test_writers_are_several_and_of_one_seed(tmp_path: Path) -> None:
    """Each has a name and keys of its own, and the case's seed decides both."""

    async def published(directory: Path, seed: int) -> list[tuple[str, str]]:
        async with opened(directory, seed=seed) as case:
            orders = await case.destination("orders")
            async with case.publishing(orders, writers=2, rate=100, keys=1000):
                await case.steady(seconds=0.1)
            sent = [each for each in ops(case, Function.PUBLISH) if each.stage is Stage.INVOKE]
            return sorted((each.message, each.key) for each in sent)[:10]

    first = await published(tmp_path / "1", seed=5)
    assert len({message.rpartition("-")[0] for message, _ in first}) > 0
    assert first == await published(tmp_path / "2", seed=5) != await published(tmp_path / "3", seed=6)


@at_once
async def test_a_group_keeps_its_settings_when_it_is_drained(tmp_path: Path) -> None:
    """The member that drains it joins with those it had; a message under a lease is waited for."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        holder = await case.subscription(orders, group="billing", lease=7.0)
        await case.publish(orders, case.message(b"held"))
        await holder.take(1, within=5, ack=False)
        begun = time.monotonic()
        await case.drained(orders)
        assert time.monotonic() - begun < 7.0 + GRACE
        assert simulated(case).fabric.broker.topics[orders.name].groups["billing"].config.lease == 7.0
        case.check(NoLostMessages(), EverythingDelivered())


@at_once
async def test_what_was_received_by_hand_is_let_go_before_draining(tmp_path: Path) -> None:
    """A member that holds messages and reads no more would be waited for in vain."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        await case.subscription(orders, group="billing")
        await case.publish(orders, case.message())
        await case.drained(orders)
        closed = [each.client for each in ops(case, Function.CLOSE) if each.stage is Stage.OK]
        assert closed[0].startswith("consumer-")
        await case.drained(orders, group="billing")


@at_once
async def test_publishing_by_hand_raises_what_the_client_raises(tmp_path: Path) -> None:
    """And returns the receipts of what was acknowledged."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        receipts = await case.publish(orders, case.message(b"1"), case.message(b"2"))
        assert [receipt.position.major for receipt in receipts] == [1, 2]
        with pytest.raises(Exception, match="limit"):
            await case.publish(orders, case.message(b"x" * (1024 * 1024 + 1)))


@at_once
async def test_a_broken_option_is_refused_at_once(tmp_path: Path) -> None:
    """Before any traffic has begun."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        with pytest.raises(BadOption, match="lease"):
            await case.subscription(orders, group="billing", lease=0)
        with pytest.raises(BadOption, match="destination"):
            await case.destination("Orders")


@at_once
async def test_a_doomed_consumer_ends_with_its_case(tmp_path: Path) -> None:
    """It is killed when the case ends at the latest, and its group is known to be drained."""
    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        victim = case.consumer_process(orders, ConsumerConfig("billing"), acks=False)
        await case.publish(orders, case.message(), case.message())

        async def holding() -> bool:
            return victim.delivered() == 2

        await case.wait_for(holding, condition="it holds both", within=5)
        await case.publish(orders, case.message())
    await anyio.sleep(60.0)
    assert victim.delivered() <= 3
    assert simulated(case).fabric.waiting == 0


@at_once
async def test_a_sound_case_is_ok_and_says_so_in_a_file(tmp_path: Path) -> None:
    """A check returns the judgement, which is written beside the history."""
    async with opened(tmp_path) as case:
        await some_traffic(case)
        judgement = case.check(NoLostMessages(), EverythingDelivered())
        assert judgement.verdict is Verdict.OK
        assert case.conclude() is judgement is case.judgement
    verdict = msgspec.json.decode((tmp_path / "verdict.json").read_bytes())
    assert verdict["verdict"] == "ok"
    assert len(verdict["checkers"]) == 8


@at_once
async def test_a_violation_fails_the_check_with_its_evidence(tmp_path: Path) -> None:
    """It is an assertion that failed; the judgement can be had all the same."""
    async with opened(tmp_path, broker=NeverStoresEveryTenth) as case:
        await some_traffic(case)
        with pytest.raises(ViolationFound, match=r"no lost messages: \d messages? .*publisher-\d+-10"):
            case.check(NoLostMessages())
        assert case.judgement is not None
        assert case.judgement.verdict is Verdict.VIOLATION


@at_once
async def test_a_case_in_which_nothing_happened_is_unknown(tmp_path: Path) -> None:
    """It proves nothing, even if it asks for no checker."""
    async with opened(tmp_path) as case:
        with pytest.raises(VerdictUnknown, match="no client published"):
            case.conclude()


@at_once
async def test_checks_add_up(tmp_path: Path) -> None:
    """A second one asks what the first one asked, too."""
    async with opened(tmp_path, broker=NeverStoresEveryTenth) as case:
        await some_traffic(case)
        with pytest.raises(ViolationFound):
            case.check(NoLostMessages())
        with pytest.raises(ViolationFound, match="no lost messages"):
            case.check(EverythingDelivered())


@at_once
async def test_a_fault_that_cannot_be_healed_spoils_the_cluster(tmp_path: Path) -> None:
    """It is not to be leased again; any other fault leaves it as it was."""

    async def refuse() -> None:
        raise OSError("no")

    async with opened(tmp_path) as case:
        orders = await case.destination("orders")
        async with case.fault(ToldFault(), at=orders):
            pass
        assert case.reusable
        async with case.fault(ToldFault(healing=refuse), at=orders):
            pass
        assert not case.reusable


@at_once
async def test_a_group_that_misses_messages_is_given_its_grace_and_no_more(tmp_path: Path) -> None:
    """Draining ends, and the checker says what was missed."""
    async with opened(tmp_path, broker=SkipsForOneGroup) as case:
        orders = await case.destination("orders")
        async with (
            case.publishing(orders, rate=100),
            case.consuming(orders, group="billing", lease=2.0),
            case.consuming(orders, group="audit", lease=2.0),
        ):
            await case.steady(seconds=0.5)
        begun = time.monotonic()
        await case.drained(orders)
        assert GRACE + 2.0 <= time.monotonic() - begun < GRACE + 2.0 + 2.0
        with pytest.raises(ViolationFound, match="group audit"):
            case.check(EverythingDelivered())


async def fail(_: Case) -> None:
    """Break down, as a scenario's own assertion does."""
    raise LookupError


async def hang(_: Case) -> None:
    """Wait for what never comes."""
    await anyio.sleep_forever()


@pytest.mark.parametrize("ending", [fail, hang])
@at_once
async def test_however_a_case_ends_nothing_is_left_open(
    tmp_path: Path, ending: Callable[[Case], Awaitable[None]]
) -> None:
    """Its fault is healed, its traffic and clients end, its history is merged, its nodes' logs are kept."""
    clients = []
    with anyio.move_on_after(5.0), suppress(LookupError):
        async with opened(tmp_path) as case:
            cluster = simulated(case)
            orders = await case.destination("orders")
            clients.append(await case.client())
            traffic = case.publishing(orders), case.consuming(orders, group="billing")
            async with traffic[0], traffic[1], case.fault(Pause("leader"), at=orders):
                await ending(case)
    assert not any(client.is_connected for client in clients)
    assert cluster.fabric.waiting == 0
    history = list(read_case(tmp_path))
    assert [each.stage for each in history if isinstance(each, FaultRecord)][-1] == "healed"
    begun = {each.op for each in history if isinstance(each, Op) and each.stage is Stage.INVOKE}
    ended = {each.op for each in history if isinstance(each, Op) and each.stage is not Stage.INVOKE}
    assert begun == ended
    assert (tmp_path / MERGED).exists()
    assert not part(tmp_path, 0).exists()
    assert "paused" in "".join((tmp_path / "logs" / f"{node}.log").read_text() for node in cluster.nodes)


@at_once
async def test_a_client_that_fails_to_close_does_not_cost_the_history(tmp_path: Path) -> None:
    """The rest is closed, merged and kept, and the error gets out."""

    async def broken() -> None:
        raise HarnessError("it will not close")

    others = []

    async def scenario() -> None:
        async with opened(tmp_path) as case:
            others.append(await case.client())
            client = await case.client()
            client._client.disconnect = broken  # type: ignore[method-assign]
            others.append(await case.client())

    with pytest.raises(HarnessError, match="it will not close"):
        await scenario()
    assert not any(other.is_connected for other in others)
    assert (tmp_path / MERGED).exists()
    assert (tmp_path / "logs").exists()


@at_once
async def test_partitions_are_asked_for_where_there_can_be_some(tmp_path: Path) -> None:
    """Elsewhere a destination has one."""
    async with opened(tmp_path / "1") as case:
        assert case.partitions(6) == 6
    unable = MemoryBackend(capabilities=frozenset(Capability) - {Capability.PARTITIONS})
    async with opened(tmp_path / "2", backend=unable) as case:
        assert case.partitions(6) == 1


@at_once
async def test_on_containers_a_doomed_consumer_is_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told all it needs to attach and record, the janitor hears of it, and the case's end kills it."""
    began: list[Assignment] = []
    said: list[str] = []

    class Process:
        pid = 4711

        def __init__(self, assignment: Assignment) -> None:
            began.append(assignment)

        def kill(self) -> None:
            said.append("killed")

    class ToldJanitor:
        def register_process(self, pid: int) -> None:
            said.append(f"registered {pid}")

    monkeypatch.setattr("harness.scenario.case.ConsumerProcess", Process)
    monkeypatch.setattr("harness.scenario.case.ContainerCluster", MemoryCluster)
    monkeypatch.setattr("harness.scenario.case._images", lambda _: {})
    monkeypatch.setattr(MemoryCluster, "id", "c4f1", raising=False)
    async with opened(tmp_path) as case:
        monkeypatch.setattr(case, "_janitor", ToldJanitor())
        orders = await case.destination("orders")
        case.consumer_process(orders, ConsumerConfig("billing"), acks=False)
        case.consumer_process(orders, ConsumerConfig("billing"), acks=False)
        assert said == ["registered 4711"] * 2
        assert case.tally.groups[orders.name] == {"billing"}
    assert said[2:] == ["killed"] * 2
    first, second = began
    assert (first.cluster, first.destination, first.directory) == ("c4f1", orders, str(tmp_path))
    assert first.ordinal != second.ordinal
    assert first.client != second.client
    assert 0 not in {first.ordinal, second.ordinal}

"""The case: what a scenario holds in its hands.

A scenario reads as six phases: setup, fault, process, recovery, verify, consistency::

    orders = await case.destination("orders")
    async with case.publishing(orders, rate=200), case.consuming(orders, group="billing"):
        await case.steady(seconds=1)
        async with case.fault(Pause("leader"), at=orders) as hit:
            await hit.role_moved(within=20)
        await case.recovered(orders, within=30)
    await case.drained(orders)
    case.check(NoLostMessages(), AckedStaysAcked())
"""

from __future__ import annotations

import itertools
import random
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from anyio import to_thread

from harness.backends.contract import Backend
from harness.checkers.anomaly import Checker
from harness.checkers.dead_letter_exact import DeadLetterExact
from harness.checkers.judge import Judgement
from harness.engine.cluster import ContainerCluster
from harness.engine.janitor import Janitor
from harness.faults.compose import Plan, faults_of
from harness.faults.contract import Fault, Field
from harness.history.facts import OWN_CLIENT
from harness.model.capability import Capability
from harness.model.cluster import Cluster
from harness.model.consumer import ConsumerConfig
from harness.model.destination import Destination
from harness.model.errors import BadOption
from harness.model.link import Link
from harness.model.message import Message, Receipt, Stored
from harness.model.options import with_options
from harness.scenario.case_spec import CaseSpec
from harness.scenario.docket import Docket
from harness.scenario.draining import Draining
from harness.scenario.ledger import Ledger
from harness.scenario.planned import Progress, carrying_out
from harness.scenario.starvation import watching_for_starvation
from harness.scenario.striking import LONGEST_LIFE, Strike, striking
from harness.scenario.traffic import running
from harness.scenario.witness import Witness
from harness.waits import wait_for_condition
from harness.workloads.consumer_process import Assignment, ConsumerProcess
from harness.workloads.consumer_task import ConsumerTask
from harness.workloads.consuming import Consuming
from harness.workloads.publishing import Publishing, PublishingOptions
from harness.workloads.recorded import RecordedClient, RecordedSubscription
from harness.workloads.tally import Tally

CONNECT_WITHIN = 20.0
CREATE_WITHIN = 30.0
JOIN_WITHIN = 30.0
DEFAULT_LEASE = 5.0
"""Seconds: long enough for a healthy consumer on a busy machine, short enough to wait for."""
GRACE = 3.0
"""Seconds that a stored message may still be on its way to a group, beyond its lease."""


class Case:
    """One scenario on one leased cluster; made by the ``case`` fixture, alive for one test."""

    def __init__(
        self,
        spec: CaseSpec,
        backend: Backend,
        cluster: Cluster,
        directory: Path,
        janitor: Janitor | None = None,
    ) -> None:
        self.spec = spec
        self.backend = backend
        self.cluster = cluster
        self.reusable = True
        self._janitor = janitor
        self.rng = random.Random(spec.seed)
        self.tally = Tally()
        self._docket = Docket(spec, backend, directory, _images(cluster))
        self._ledger = Ledger(self._docket.recorder)
        self._observer = backend.observer(cluster)
        self._witness = Witness(cluster, self._observer, self._ledger)
        self._numbers = itertools.count(1)
        # Not from the seed: two cases of one seed may share a cluster, and must not share a destination.
        self._token = secrets.token_hex(4)
        self._closing = AsyncExitStack()
        self._draining: Draining | None = None
        self._by_hand: defaultdict[str, list[RecordedSubscription]] = defaultdict(list)
        self._configs: dict[tuple[str, str], ConsumerConfig] = {}

    @property
    def directory(self) -> Path:
        """Where the case's files are."""
        return self._docket.directory

    @property
    def judgement(self) -> Judgement | None:
        """The verdict, once ``check`` was called."""
        return self._docket.judgement

    @property
    def phase_now(self) -> str:
        """The phase the scenario is in, for errors that must say so."""
        return self._ledger.phase_now

    # --- setup -----------------------------------------------------------------------------

    async def destination(
        self,
        name: str,
        *,
        partitions: int = 1,
        dead_letter: bool = False,
        **options: Any,
    ) -> Destination:
        """Create a destination of this case's own: as many replicas as the cluster bears, at most 3.

        ``name`` is dotted; it is prefixed, so that cases sharing a cluster never meet. With
        ``dead_letter`` it has one, named ``<name>.dead``. Raises the client's own error.
        """
        shared = {"replicas": min(3, len(self.cluster.nodes)), "partitions": 1, **options}
        wanted = with_options(Destination, {"name": name, **shared, "partitions": partitions})
        full = f"case-{self._token}.{name}"
        dead = Destination(f"{full}.dead", **shared) if dead_letter else None
        destination = replace(wanted, name=full, dead_letter=dead)
        with self._ledger.phase("setup", name):
            await self._created(destination)
            if dead is not None:
                self._ledger.observe("dead-letter", destination=full, detail=dead.name)
            await self._witness.begin(destination)
        return destination

    async def client(self, name: str = "client", link: Link = Link.PUBLISHER) -> RecordedClient:
        """A connected client of this case, recorded; disconnected when the case ends."""
        client = self._recorded(f"{name}-{next(self._numbers)}", link)
        self._closing.push_async_callback(client.disconnect)

        async def connected() -> bool:
            await client.connect()
            return True

        await wait_for_condition(
            connected, condition=f"{client.name} connects", within=CONNECT_WITHIN, every=0.2
        )
        return client

    def has(self, capability: Capability) -> bool:
        """Whether the backend can do this."""
        return capability in self.backend.capabilities

    def partitions(self, wanted: int) -> int:
        """``wanted`` where a destination can have partitions, else one."""
        return wanted if self.has(Capability.PARTITIONS) else 1

    async def dead_letters(self, destination: Destination) -> Sequence[Stored]:
        """What the dead letter of ``destination`` holds now."""
        assert destination.dead_letter is not None, f"{destination.name} was made without a dead letter"
        return await (await self._admin()).read_log(destination.dead_letter)

    def dead_letter_exact(
        self,
        destination: Destination,
        *,
        poison: Sequence[Message],
        group: str,
    ) -> DeadLetterExact:
        """The checker that exactly ``poison`` is in the dead letter of ``destination``, each once."""
        assert destination.dead_letter is not None, f"{destination.name} was made without a dead letter"
        ids = frozenset(message.id for message in poison)
        return DeadLetterExact(destination.name, destination.dead_letter.name, ids, group)

    def _recorded(self, name: str, link: Link) -> RecordedClient:
        bare = self.backend.client(self.cluster, link, name)
        return RecordedClient(bare, name, self.backend, self._docket.recorder, self.tally)

    def message(self, payload: bytes = b"", key: bytes = b"", **options: Any) -> Message:
        """A message with an id of its own, for scenarios that publish by hand."""
        return Message(id=f"m-{next(self._numbers)}", payload=payload, key=key, **options)

    async def subscription(
        self, destination: Destination, *, group: str, **options: Any
    ) -> RecordedSubscription:
        """A member of ``group`` to receive by hand; ``options`` are those of ``ConsumerConfig``."""
        client = await self.client("consumer", Link.CONSUMER)
        subscription = await client.subscribe(destination, self._config(destination, group, options))
        self._closing.push_async_callback(subscription.close)
        self._by_hand[destination.name].append(subscription)
        return subscription

    async def publish(self, destination: Destination, *messages: Message) -> list[Receipt]:
        """Publish one after the other; raises the client's own error when one is not acknowledged."""
        client = await self.client("publisher")
        return [await client.publish(destination, message) for message in messages]

    # --- traffic ---------------------------------------------------------------------------

    @asynccontextmanager
    async def publishing(
        self,
        destination: Destination,
        *,
        writers: int = 1,
        **options: Any,
    ) -> AsyncIterator[list[Publishing]]:
        """Publish while the block runs; ``options`` are those of ``PublishingOptions``, for each writer."""
        chosen = with_options(PublishingOptions, options)
        workloads = [
            Publishing(await self.client("publisher"), destination, chosen, self._seeded())
            for _ in range(writers)
        ]
        async with running(workloads):
            yield workloads

    @asynccontextmanager
    async def consuming(
        self,
        destination: Destination,
        *,
        group: str,
        members: int = 1,
        **options: Any,
    ) -> AsyncIterator[list[Consuming]]:
        """Consume while the block runs; ``options`` are those of ``ConsumerConfig``."""
        config = self._config(destination, group, options)
        workloads = [
            Consuming(await self.client("consumer", Link.CONSUMER), destination, config)
            for _ in range(members)
        ]
        async with running(workloads):
            await self._joined(workloads)
            yield workloads

    def consumer_process(
        self,
        destination: Destination,
        config: ConsumerConfig,
        *,
        acks: bool = True,
    ) -> ConsumerProcess | ConsumerTask:
        """A consumer in a process of its own, killed when the case ends at the latest.

        On a backend inside this process it is a task that is killed without a word to the broker.
        """
        self.tally.groups[destination.name].add(config.group)
        self._configs[destination.name, config.group] = config
        consumer = self._doomed_consumer(destination, config, acks=acks)
        self._closing.callback(consumer.kill)
        return consumer

    def _doomed_consumer(
        self,
        destination: Destination,
        config: ConsumerConfig,
        *,
        acks: bool,
    ) -> ConsumerProcess | ConsumerTask:
        number = next(self._numbers)
        if not isinstance(self.cluster, ContainerCluster):
            client = self._recorded(f"consumer-task-{number}", Link.CONSUMER)
            return ConsumerTask(client, Consuming(client, destination, config, acks=acks))
        process = ConsumerProcess(
            Assignment(
                cluster=self.cluster.id,
                destination=destination,
                config=config,
                client=f"consumer-process-{number}",
                directory=str(self.directory),
                ordinal=number,
                header=self._docket.header,
                acks=acks,
            ),
        )
        if self._janitor is not None:
            self._janitor.register_process(process.pid)
        return process

    # --- phases ----------------------------------------------------------------------------

    async def steady(self, seconds: float) -> None:
        """Let traffic flow for ``seconds``."""
        with self._ledger.phase("steady"):
            await anyio.sleep(seconds)

    @asynccontextmanager
    async def fault(
        self, fault: Fault, at: Destination, *, life: float = LONGEST_LIFE
    ) -> AsyncIterator[Strike]:
        """Have a fault in force while the block runs; ``at`` is what roles refer to.

        It is healed after ``life`` seconds even if the block has not ended.
        """
        field = Field(self.cluster, self._observer, at, self.rng)
        watch = self._witness.look
        with self._ledger.phase("fault", str(fault)):
            async with striking(fault, field, self._ledger, self._not_reusable, watch, life=life) as strike:
                yield strike
        await self._witness.look()

    @asynccontextmanager
    async def plan(self, plan: Plan, at: Destination) -> AsyncIterator[Progress]:
        """Carry out a plan while the block runs, and heal all of it then; ``at`` is what roles refer to.

        What the faults draw depends on the case's seed and their place in the plan, not on timing.
        """

        def strike(fault: Fault, place: str) -> AbstractAsyncContextManager[Strike]:
            rng = random.Random(f"{self.spec.seed} {place}")
            field = Field(self.cluster, self._observer, at, rng)
            watch = self._witness.look
            return striking(fault, field, self._ledger, self._not_reusable, watch, patient=False)

        self._ledger.observe("plan", destination=at.name, detail=plan.as_python())
        with self._ledger.phase("fault", f"a plan of {sum(1 for _ in faults_of(plan))} faults"):
            async with carrying_out(plan, strike) as progress:
                yield progress
        await self._witness.look()

    async def recovered(self, destination: Destination, within: float) -> float:
        """Return the seconds until there is progress again and the cluster is whole."""
        with self._ledger.phase("recovery"):
            seconds = await (await self._drain()).recovered(destination, within)
            await self._witness.look()
            return seconds

    async def drained(
        self,
        destination: Destination,
        *,
        group: str = "",
        within: float = 30.0,
    ) -> None:
        """Have every group that has consumed (or ``group``) read to the end, then read the log itself.

        Each group is joined by a member of ours, with the settings it had; subscriptions received
        from by hand are closed first, or they would keep what they hold. Raises
        ``DeadlineExceeded`` when what is published now is not handed out within ``within`` seconds.
        """
        groups = [group] if group else sorted(self.tally.groups[destination.name])
        configs = [self._config(destination, name, {}) for name in groups]
        grace = GRACE + max((config.lease for config in configs), default=0.0)
        with self._ledger.phase("verify"):
            await self._witness.look()
            for subscription in self._by_hand.pop(destination.name, ()):
                await subscription.close()
            async with AsyncExitStack() as consumers:
                for name in groups:
                    await consumers.enter_async_context(self.consuming(destination, group=name))
                draining = await self._drain()
                await draining.drained(destination, groups, within, grace)
                if (dead := destination.dead_letter) is not None:
                    await draining.drained(dead, sorted(self.tally.groups[dead.name]), within, grace)
        self.reusable = self.reusable and not draining.left_behind

    def check(self, *checkers: Checker) -> Judgement:
        """Judge the history; raises ``ViolationFound`` or ``VerdictUnknown`` for those verdicts."""
        for checker in checkers:
            if isinstance(checker, type):
                raise BadOption("checker", checker.__name__, f"make one: {checker.__name__}()")
        with self._ledger.phase("consistency"):
            pass
        return self._docket.judge(checkers)

    def conclude(self) -> Judgement:
        """The judgement of a case that has not asked for one: what is always checked."""
        return self.judgement or self.check()

    # --- the case's own needs --------------------------------------------------------------

    async def wait_for(self, probe: Any, *, condition: str, within: float) -> Any:
        """Ask ``probe`` until it answers something true; see ``harness.waits``."""
        return await wait_for_condition(probe, condition=condition, within=within)

    async def _admin(self) -> RecordedClient:
        if self._draining is None:
            client = await self.client(OWN_CLIENT, Link.ADMIN)
            self._draining = Draining(client, self._observer, self._ledger, self.tally)
        return self._draining.client

    async def _drain(self) -> Draining:
        await self._admin()
        assert self._draining is not None
        return self._draining

    def _config(self, destination: Destination, group: str, options: dict[str, Any]) -> ConsumerConfig:
        """A group's settings: those given, else those it had before, else the default ones."""
        key = (destination.name, group)
        if options or key not in self._configs:
            self._configs[key] = with_options(
                ConsumerConfig, {"group": group, "lease": DEFAULT_LEASE, **options}
            )
        return self._configs[key]

    async def _created(self, destination: Destination) -> None:
        """Create, by as many ops as it takes: a cluster that has just healed may not place replicas yet."""
        admin = await self._admin()

        async def created() -> bool:
            await admin.create_destination(destination)
            return True

        condition = f"{destination.name} created"
        await wait_for_condition(created, condition=condition, within=CREATE_WITHIN, every=0.5)

    async def _joined(self, members: Sequence[Consuming]) -> None:
        async def outside() -> list[str]:
            return [member.last_error or "no answer yet" for member in members if not member.has_joined]

        await wait_for_condition(
            outside,
            condition="every consumer joins its group",
            within=JOIN_WITHIN,
            until=lambda errors: not errors,
        )

    def _seeded(self) -> random.Random:
        return random.Random(self.rng.getrandbits(64))

    def _not_reusable(self) -> None:
        self.reusable = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Case]:
        """The case's life: its clients and processes end with the block, and its history is merged."""
        try:
            async with watching_for_starvation(self._ledger):
                yield self
        finally:
            # A client that fails to close must cost neither the others nor the history.
            with anyio.CancelScope(shield=True):
                async with AsyncExitStack() as ending:
                    ending.push_async_callback(to_thread.run_sync, self._save_logs)
                    ending.callback(self._docket.close)
                    ending.push_async_callback(self._observer.close)
                    ending.push_async_exit(self._closing)

    def _save_logs(self) -> None:
        directory = self.directory / "logs"
        directory.mkdir(exist_ok=True)
        since = self._docket.header.wall_ns / 1e9
        for node in self.cluster.nodes:
            text = self.cluster.log(node, since=since)
            (directory / f"{node}.log").write_text(text, encoding="utf-8", errors="replace")


def _images(cluster: Cluster) -> dict[str, str]:
    if not isinstance(cluster, ContainerCluster):
        return {}
    return {cluster.description.image: cluster.description.image_digest}

"""A state directory with two bystanders in it, and the means to start victims beside them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from harness import load_backend

from .remains import Bystanders, Engine, until_nothing
from .victim import Victim

NEIGHBOUR = """
import os
from pathlib import Path

import anyio
import pytest

from harness import EverythingDelivered, NoLostMessages

PARENT = os.getppid()

@pytest.mark.cluster(nodes=1)
@pytest.mark.deadline(7200)
async def test_neighbour(case):
    orders = await case.destination("orders")
    async with case.publishing(orders, rate=5), case.consuming(orders, group="billing"):
        await case.recovered(orders, within=60)
        Path("engine").write_text(os.environ["DOCKER_HOST"])
        while os.getppid() == PARENT and not Path("done").exists():
            await anyio.sleep(0.1)
    await case.drained(orders)
    case.check(NoLostMessages(), EverythingDelivered())
"""
"""A run whose traffic goes on while others are killed around it; it ends with its parent at the latest."""

KEPT = """
import pytest

@pytest.mark.cluster(nodes=1)
async def test_kept(case):
    await case.publish(await case.destination("orders"), case.message())
"""

ENDED_WITHIN = 120.0
NO_ENGINE = "no container engine answers"


@pytest.fixture(scope="module")
def backend(pytestconfig: pytest.Config) -> str:
    """The first of the chosen backends: what is killed is the harness, so one is enough."""
    chosen = pytestconfig.getoption("harness_backends") or pytestconfig.getini("harness_backends") or ["nats"]
    if not hasattr(load_backend(chosen[0].partition("@")[0]), "blueprint"):
        pytest.skip(f"{chosen[0]} runs in no container, so there is nothing to leave behind")
    return str(chosen[0])


@pytest.fixture(scope="module")
def bystanders(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Iterator[Bystanders]:
    """Start both, and see the neighbour's case pass in the end; skips where there is no engine."""
    home = tmp_path_factory.mktemp("bystanders")
    with ExitStack() as stack:
        neighbour = stack.enter_context(
            Victim(home / "neighbour", home / "state", NEIGHBOUR, "--backend", backend)
        )
        kept = stack.enter_context(
            Victim(home / "kept", home / "state", KEPT, "--backend", backend, "--keep")
        )
        engine = stack.enter_context(closing(Engine(_engine_of(neighbour))))
        stack.callback(lambda: engine.remove(f"kept-{kept.owner}"))
        assert kept.wait(ENDED_WITHIN) == pytest.ExitCode.OK, kept.output()
        yield Bystanders(engine, home / "state", (neighbour.owner, f"kept-{kept.owner}"))
        neighbour.say("done")
        assert neighbour.wait(ENDED_WITHIN) == pytest.ExitCode.OK, neighbour.output()
        until_nothing(lambda: engine.owned(neighbour.owner), "nothing left of the neighbour", 10)


def _engine_of(run: Victim) -> str:
    """The engine's address, from a run that has found it."""
    try:
        run.await_file("engine")
    except AssertionError:
        if NO_ENGINE in run.output():
            pytest.skip(NO_ENGINE)
        raise
    return run.directory.joinpath("engine").read_text()


@pytest.fixture
def start(tmp_path: Path, bystanders: Bystanders) -> Iterator[Callable[..., Victim]]:
    """Start a victim: ``start(source, *arguments)``; whatever a failed test leaves of it is removed."""
    numbers = itertools.count(1)
    with ExitStack() as stack:

        def started(source: str, *arguments: str) -> Victim:
            directory = tmp_path / f"run-{next(numbers)}"
            victim = Victim(directory, bystanders.state, source, *arguments)
            stack.callback(lambda: bystanders.engine.remove(victim.owner))
            return stack.enter_context(victim)

        yield started

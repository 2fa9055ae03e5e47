"""The pytest plugin: options, markers, the ``case`` fixture, and hooks that hand over at once.

It is loaded by every pytest of the environment, so it imports pytest and what pytest has imported
already, does nothing that can be seen until a test uses ``case``, and does the rest in
``harness.plugin``, imported only then.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from harness.plugin.session import Session
    from harness.scenario.case import Case

MARKERS = (
    "cluster(nodes=1, tiers=None, backends=None, storage='volume'): what it has to be; several in a tuple",
    "requires(*capabilities): what the backend has to be capable of; the test is skipped where it is not",
    "deadline(seconds): how long the test's own code may take",
    "nightly: a scenario that the default matrix leaves out",
)

SEED: pytest.StashKey[int] = pytest.StashKey()
PLACE: pytest.StashKey[Path] = pytest.StashKey()
SESSION: pytest.StashKey[Session] = pytest.StashKey()
WORKERS: pytest.StashKey[str] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini keys."""
    group = parser.getgroup("harness", "broker-harness")
    add = group.addoption
    add(
        "--backend",
        action="append",
        dest="harness_backends",
        metavar="NAME[@VERSION]",
        help="Run on this backend, as in nats or nats@2.10.22. Repeatable. Default: nats, kafka and redis.",
    )
    add(
        "--nodes",
        action="append",
        type=int,
        dest="harness_nodes",
        metavar="N",
        help="Run only on clusters of this many nodes. Repeatable.",
    )
    add(
        "--tier",
        action="append",
        dest="harness_tiers",
        metavar="TIER",
        help="Run at this durability tier instead of the default one. Repeatable.",
    )
    add(
        "--seed",
        type=int,
        dest="harness_seed",
        metavar="N",
        help="Replay the choices of an earlier run. Default: a new one, printed in the header.",
    )
    add(
        "--runs-dir",
        dest="harness_runs_dir",
        default="runs",
        metavar="DIR",
        help="Where histories and reports are kept. Default: runs.",
    )
    add(
        "--keep",
        action="store_true",
        dest="harness_keep",
        default=False,
        help="Leave the clusters up when the run ends.",
    )
    parser.addini("harness_backends", type="args", default=[], help="What --backend defaults to.")
    parser.addini(
        "harness_deadline",
        type="float",
        default=180.0,
        help="Seconds that a test's own code may take, unless it is marked otherwise.",
    )


@pytest.hookimpl(wrapper=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    """Deal by work stealing unless told otherwise: neighbours in the list share clusters."""
    option = config.option
    if _is_addressed(config) and getattr(option, "numprocesses", None) and option.dist == "no":
        # A wrapper, because xdist settles on "load" in this very hook.
        option.dist = "no" if option.distload else "worksteal"
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, settle the seed, and refuse options that cannot be used."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    workerinput = getattr(config, "workerinput", {}).get("harness", {})
    option = config.option
    seed = workerinput.get("seed", option.harness_seed)
    config.stash[SEED] = int.from_bytes(os.urandom(4), "big") if seed is None else seed
    if "place" in workerinput:
        config.stash[PLACE] = Path(workerinput["place"])
    if (
        option.harness_backends
        or option.harness_nodes
        or option.harness_tiers
        or config.getini("harness_backends")
    ):
        from harness.plugin.session import chosen  # noqa: PLC0415 - somebody who uses none of it pays nothing

        chosen(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say why there are so many workers, if it was left to us."""
    return f"harness workers: {config.stash[WORKERS]}" if WORKERS in config.stash else None


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Start as many workers as memory and cores bear: cases wait most of the time."""
    if not _is_addressed(config) or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    from harness.plugin.workers import of_this_machine  # noqa: PLC0415 - only on -n auto

    workers = of_this_machine()
    config.stash[WORKERS] = f"{workers.number} ({workers.why})"
    return workers.number


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker the seed, and the place where it will hear of the run."""
    config = node.config
    runs = config.invocation_params.dir / config.option.harness_runs_dir
    config.stash[PLACE] = runs.resolve() / f".{node.workerinput['testrunuid']}"
    node.workerinput["harness"] = {"seed": config.stash[SEED], "place": str(config.stash[PLACE])}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Begin the run as soon as a worker has collected a case, before any test is dealt."""
    if node.config.stash[PLACE].exists():
        _session(node.config).begin()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that uses our ``case`` on every cluster that it and the user choose."""
    # The name is a common one: somebody else's fixture or parameter ``case`` is left alone.
    definitions = metafunc._arg2fixturedefs.get("case")  # noqa: SLF001 - pytest has no public way to ask
    if not definitions or getattr(definitions[-1].func, "__module__", "") != __name__:
        return
    if not inspect.iscoroutinefunction(metafunc.function):
        message = f"{metafunc.definition.nodeid}: a test that uses 'case' has to be async"
        raise pytest.Collector.CollectError(message)
    metafunc.parametrize("case", _session(metafunc.config).parameters(metafunc.definition), indirect=True)
    # A fixture of the same name would not do: with trio installed every case would run twice.
    metafunc.definition.add_marker(
        pytest.mark.parametrize("anyio_backend", ["asyncio"], ids=[pytest.HIDDEN_PARAM], scope="session")
    )


@pytest.fixture
async def case(request: pytest.FixtureRequest, anyio_backend: object) -> AsyncIterator[Case]:  # noqa: ARG001
    """A cluster leased for this test alone, and everything to publish, consume, break and judge with."""
    from harness.plugin.running import opened  # noqa: PLC0415

    async with opened(request, _session(request.config)) as opened_case:
        yield opened_case


def _session(config: pytest.Config) -> Session:
    """The session, made on the first call; from then on its hooks take part."""
    if SESSION not in config.stash:
        from harness.plugin.reporting import Reporting  # noqa: PLC0415 - the first sign of a case
        from harness.plugin.running import Running  # noqa: PLC0415
        from harness.plugin.session import Session  # noqa: PLC0415

        is_worker = hasattr(config, "workerinput")
        session = config.stash[SESSION] = Session(config, config.stash[SEED])
        if PLACE in config.stash:
            session.meet(config.stash[PLACE])
        config.pluginmanager.register(Running(session, owns_run=PLACE not in config.stash))
        if not is_worker:
            config.pluginmanager.register(Reporting(session, config))
    return config.stash[SESSION]


def _is_addressed(config: pytest.Config) -> bool:
    """Whether the run is known to be meant for us, before anything is collected."""
    option = config.option
    given = (
        option.harness_backends,
        option.harness_nodes,
        option.harness_tiers,
        option.harness_seed is not None,
    )
    suites = any(str(argument).startswith("harness.suites") for argument in config.invocation_params.args)
    return any(given) or suites or bool(config.getini("harness_backends"))

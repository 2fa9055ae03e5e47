"""A run's directory, its cases' leases, and what takes place around a case."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from harness.backends.memory import BACKEND
from harness.history.records import Header
from harness.history.store import read_case
from harness.model.cluster import ClusterSpec
from harness.model.errors import ClusterNotReady
from harness.scenario.case_spec import CaseSpec
from harness.scenario.readiness import wait_until_ready
from harness.scenario.run import Run, new_run_id, open_case
from harness.scenario.starvation import STARVED_AFTER, watching_for_starvation
from tests.scenario.doubles import Notebook
from tests.scenario.virtual_time import at_once

SPEC = CaseSpec("suites.cluster.test_x::test_y[kill(leader)]", "memory", "1", 3, "r3", 7)


def test_the_latest_run_can_be_found(tmp_path: Path) -> None:
    """A link follows the runs, whose names sort by time and are no two the same."""
    first = Run.begin(tmp_path / "runs", 1, containers=False)
    second = Run.begin(tmp_path / "runs", 2, containers=False)
    assert (tmp_path / "runs" / "latest").resolve() == second.directory
    assert first.run_id != second.run_id
    assert len({new_run_id() for _ in range(50)}) == 50


def test_a_worker_is_told_all_of_its_run(tmp_path: Path) -> None:
    """It is the same run, with the same owner of clusters."""
    run = Run.begin(tmp_path, 5, keep=True, containers=False)
    joined = Run.join(run.as_dict())
    assert joined.as_dict() == run.as_dict()
    assert joined.owner == run.owner == f"kept-{run.run_id}"
    assert Run.begin(tmp_path, 5, containers=False).owner.startswith("2")


def test_a_case_has_a_directory_that_any_file_system_takes() -> None:
    """Its name tells the scenario and the kind of cluster, and is not too long."""
    assert SPEC.directory_name == "suites.cluster.test-x-test-y-kill-leader-1-n3-r3"
    long = CaseSpec("x" * 400, "memory", "1", 3, "r3", 7)
    assert len(long.directory_name) < 255
    assert SPEC.cluster_spec == ClusterSpec("memory", "1", 3, "r3")


@pytest.mark.anyio
async def test_a_case_is_opened_on_a_leased_cluster(tmp_path: Path) -> None:
    """Its history is in the run's directory and says what it ran on; the cluster goes with it."""
    run = Run.begin(tmp_path, 5, containers=False)
    async with open_case(SPEC, run) as case:
        cluster = case.cluster
        await case.destination("orders")
    assert case.directory == run.directory / "memory" / SPEC.directory_name
    [header] = [each for each in read_case(case.directory) if isinstance(each, Header)]
    assert (header.case, header.backend, header.seed) == (SPEC.scenario, "memory", 7)
    assert not any(cluster.state(node).running for node in cluster.nodes)
    run.end()


@pytest.mark.anyio
async def test_a_case_that_is_played_again_has_a_history_of_its_own(tmp_path: Path) -> None:
    """Two histories in one place would be judged as one; long names that were cut are no other matter."""
    run = Run.begin(tmp_path, 5, containers=False)
    directories = []
    for name in ("x" * 400, "x" * 401, "x" * 400):
        async with open_case(replace(SPEC, scenario=name), run) as case:
            await case.destination("orders")
        directories.append(case.directory)
    assert [path.name.partition("~")[2] for path in directories] == ["", "2", "3"]
    for directory in directories:
        assert len([each for each in read_case(directory) if isinstance(each, Header)]) == 1


def test_a_cluster_that_is_not_ready_says_what_lacks() -> None:
    """With the last lines of its nodes' logs, and in time."""
    cluster = BACKEND.start(ClusterSpec("memory", "1", 3, "r3"), "tests")
    wait_until_ready(BACKEND, cluster, 5.0)
    cluster.pause("n2")
    with pytest.raises(ClusterNotReady, match="n2 does not answer") as raised:
        wait_until_ready(BACKEND, cluster, 0.1)
    assert "--- n2, last lines ---" in str(raised.value)
    assert "paused" in str(raised.value)


def block(seconds: float) -> None:
    """Keep the event loop from running, as a machine without processor time to spare does."""
    time.sleep(seconds)


@at_once
async def test_a_starved_event_loop_is_written_down(notebook: Notebook) -> None:
    """With how late it was: whoever read late then must not blame the broker."""
    async with watching_for_starvation(notebook.ledger):
        await anyio.sleep(10.0)
        block(STARVED_AFTER + 0.5)
        await anyio.sleep(10.0)
    [starved] = notebook.observations("starved")
    assert STARVED_AFTER < starved.value <= STARVED_AFTER + 0.5 + 0.1
    assert "the event loop was" in starved.detail


@at_once
async def test_a_little_lateness_is_no_starvation(notebook: Notebook) -> None:
    """Leases are seconds long."""
    async with watching_for_starvation(notebook.ledger):
        for _ in range(20):
            await anyio.sleep(0.2)
            block(STARVED_AFTER / 2)
    assert notebook.observations("starved") == []

"""Options choose clusters, and one that cannot be used is refused at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Pytest = Callable[..., pytest.RunResult]

ONE = "async def test_one(case): pass"
THREE = """
import pytest

@pytest.mark.cluster(nodes=(1, 3))
async def test_three(case): pass
"""


def collected(result: pytest.RunResult) -> list[str]:
    """The ids in brackets of everything collected."""
    return [line.partition("[")[2].removesuffix("]") for line in result.outlines if "::" in line]


def test_every_backend_by_default(run: Pytest) -> None:
    """Without an option a test runs on NATS, Kafka and Redis, on one node."""
    assert collected(run(ONE, "--collect-only", "-q")) == ["kafka-1", "nats-1", "redis-1"]


def test_a_backend_is_chosen_with_its_version(run: Pytest) -> None:
    """A version that the user wrote is in the id, as it was written."""
    result = run(ONE, "--collect-only", "-q", "--backend", "nats@2.10.22", "--backend", "redis")
    assert collected(result) == ["nats@2.10.22-1", "redis-1"]


def test_the_same_cluster_is_chosen_once(run: Pytest) -> None:
    """A backend named twice, with and without its default version, is one column."""
    result = run(
        ONE, "--collect-only", "-q", "--backend", "nats", "--backend", "nats@2.15.2", "--backend", "nats"
    )
    assert collected(result) == ["nats-1"]


def test_the_number_of_nodes_is_a_filter(run: Pytest) -> None:
    """A test is left out where it does not run on so many nodes, and pytest counts it."""
    source = THREE + ONE
    result = run(source, "--collect-only", "-q", "--nodes", "3", "--backend", "nats")
    assert collected(result) == ["nats-3"]
    result.stdout.fnmatch_lines(["1/2 tests collected (1 deselected)*"])


def test_a_tier_replaces_the_default_one(run: Pytest) -> None:
    """A tier other than the default is in the id; backends without it are left out."""
    assert collected(run(THREE, "--collect-only", "-q", "--tier", "wait")) == ["redis-3-wait"]


def test_the_default_tier_is_not_named(run: Pytest) -> None:
    """Choosing the default tier gives the id that a test has without a choice."""
    assert collected(run(THREE, "--collect-only", "-q", "--tier", "r3", "--tier", "r1-always")) == [
        "nats-1-r1-always",
        "nats-3",
    ]


def test_the_ini_file_chooses_backends(project: pytest.Pytester, run: Pytest) -> None:
    """``harness_backends`` is what ``--backend`` defaults to."""
    project.makepyprojecttoml('[tool.pytest]\nharness_backends = ["redis"]')
    assert collected(run(ONE, "--collect-only", "-q")) == ["redis-1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--backend", "kafak"], "*unknown backend 'kafak'; did you mean 'kafka'?*"),
        (["--backend", "nats@2"], "*version of nats: '2' cannot be used*"),
        (["--nodes", "2"], "*--nodes: 2 cannot be used: no chosen backend has so many (nats: 1 or 3,*"),
        (["--tier", "wayt"], "*unknown tier 'wayt'; did you mean 'wait'?*"),
        (["--seed", "abc"], "*argument --seed: invalid int value: 'abc'*"),
        (["--nodes", "three"], "*argument --nodes: invalid int value: 'three'*"),
    ],
    ids=lambda value: "=".join(value) if isinstance(value, list) else "",
)
def test_a_bad_value_is_refused(run: Pytest, arguments: list[str], said: str) -> None:
    """A value that cannot be used ends pytest before anything is collected, saying what was meant."""
    result = run(ONE, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


def test_a_bad_value_in_the_ini_file_is_refused(project: pytest.Pytester, run: Pytest) -> None:
    """The ini file's backends are held to the same rules, whether or not a test needs them."""
    project.makepyprojecttoml('[tool.pytest]\nharness_backends = ["reddis"]')
    result = run("def test_other(): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unknown backend 'reddis'; did you mean 'redis'?*"])


def test_a_bad_deadline_in_the_ini_file_is_refused(project: pytest.Pytester, run: Pytest) -> None:
    """A deadline that no test could meet is refused as soon as a test has one."""
    project.makepyprojecttoml("[tool.pytest]\nharness_deadline = -1.0")
    run(ONE).stdout.fnmatch_lines(["*harness_deadline: a positive number of seconds is needed*"])


def test_a_seed_is_made_up_and_shown(project: pytest.Pytester, loaded: tuple[str, ...]) -> None:
    """Without ``--seed`` there is a new one each time, and the header says which."""
    project.makepyfile(test_it=ONE)
    seeds: set[str] = set()
    for _ in range(2):
        result = project.runpytest_inprocess(*loaded, "-p", "fakes", "--runs-dir", f"runs-{len(seeds)}")
        seeds |= {line for line in result.outlines if line.startswith("harness seed: ")}
    assert len(seeds) == 2

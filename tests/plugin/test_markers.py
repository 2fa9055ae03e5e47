"""Markers say what a test needs; what cannot be is a visible skip, what means nothing is an error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Pytest = Callable[..., pytest.RunResult]

MARKED = """
import pytest

@pytest.mark.{marker}
async def test_marked(case): pass
"""

BAD = {
    "requires('leese')": "*unknown capability 'leese'; did you mean 'lease'?*",
    "cluster(node=3)": "*unknown argument of the marker 'cluster' 'node'; did you mean 'nodes'?*",
    "cluster(3)": "*cluster: 3 cannot be used: name the argument, as in cluster(nodes=3)*",
    "cluster(nodes=0)": "*cluster(nodes=): 0 cannot be used*",
    "cluster(tiers='wayt')": "*unknown tier 'wayt'; did you mean 'wait'?*",
    "cluster(backends='nuts')": "*unknown backend 'nuts'; did you mean 'nats'?*",
    "deadline()": "*deadline: () cannot be used*",
    "deadline(-1)": "*deadline: -1 cannot be used: a positive number of seconds is needed*",
}


def test_a_missing_capability_is_a_visible_skip(run: Pytest) -> None:
    """A backend that cannot do what a test requires is skipped, and the skip says what is missing."""
    result = run(MARKED.format(marker="requires('lease')"), "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*kafka has no capability 'lease'"])


def test_a_missing_client_library_is_a_visible_skip(run: Pytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that cannot be spoken to is skipped on every test, and the skip says what to install."""
    monkeypatch.setenv("FAKES_UNINSTALLED", "redis")
    result = run(MARKED.format(marker="requires('nak_delay')"), "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*'redis-client', which is not installed; hint: pip install 'broker-harness?redis?'"]
    )


def test_all_missing_capabilities_are_named(run: Pytest) -> None:
    """Several missing capabilities are one skip that names them all."""
    result = run(MARKED.format(marker="requires('nak', 'reject', 'lease')"), "-rs", "--backend", "kafka")
    result.stdout.fnmatch_lines(["SKIPPED*kafka has no capabilities 'nak', 'lease'"])


def test_an_impossible_size_is_a_visible_skip(run: Pytest) -> None:
    """A backend that cannot have so many nodes is skipped."""
    result = run(MARKED.format(marker="cluster(nodes=3)"), "-rs", "--backend", "memory")
    result.stdout.fnmatch_lines(["SKIPPED*memory cannot be a cluster of 3"])


def test_a_test_can_be_for_one_backend(run: Pytest) -> None:
    """On other backends such a test is no case at all."""
    result = run(MARKED.format(marker="cluster(backends='redis', tiers=('always', 'everysec'))"), "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*::test_marked?redis-1-always? PASSED*", "*::test_marked?redis-1? PASSED*"])


def test_a_test_for_another_backend_is_deselected(run: Pytest) -> None:
    """Nobody asked for the only backend that the test is for."""
    result = run(MARKED.format(marker="cluster(backends='redis')"), "--backend", "nats")
    result.assert_outcomes(deselected=1)


@pytest.mark.parametrize(("marker", "said"), BAD.items(), ids=BAD)
def test_a_bad_marker_is_an_error_of_collection(run: Pytest, marker: str, said: str) -> None:
    """A marker that means nothing is refused with the nearest thing that does."""
    result = run(MARKED.format(marker=marker))
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([said])


def test_a_test_has_to_be_async(run: Pytest) -> None:
    """An ordinary function cannot use a case: its traffic would have no event loop."""
    run("def test_sync(case): pass").stdout.fnmatch_lines(["*a test that uses 'case' has to be async*"])


def test_markers_are_known_under_strict_markers(project: pytest.Pytester, run: Pytest) -> None:
    """A project that refuses unknown markers can use ours without registering them."""
    project.makepyprojecttoml("[tool.pytest]\nstrict = true")
    run(MARKED.format(marker="requires('reject')")).assert_outcomes(passed=3)


def test_parameters_of_the_test_come_last_in_the_id(run: Pytest) -> None:
    """The cluster leads the id, and the event loop is not in it."""
    source = MARKED.format(marker="parametrize('number', [1, 2])").replace("(case)", "(case, number)")
    result = run(source, "-v", "--backend", "nats")
    result.stdout.fnmatch_lines(["*::test_marked?nats-1-1? PASSED*", "*::test_marked?nats-1-2? PASSED*"])


def test_cases_can_be_selected_as_anyio_tests(run: Pytest) -> None:
    """The mark that anyio users look for is there, without anybody having written it."""
    source = "async def test_marked(case): pass\ndef test_other(): pass"
    run(source, "-m", "anyio").assert_outcomes(passed=3, deselected=1)

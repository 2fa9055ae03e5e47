"""How many workers ``-n auto`` starts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.plugin import workers
from harness.plugin.workers import Workers, bearable

Pytest = Callable[..., pytest.RunResult]


@pytest.mark.parametrize(
    ("cores", "megabytes", "expected"),
    [
        (2, 24_000, Workers(6, "3 per core on 2")),
        (8, 6_000, Workers(3, "one per 1.5 GiB of available memory")),
        (2, 9_216, Workers(6, "3 per core on 2")),
        (1, 100, Workers(1, "one per 1.5 GiB of available memory")),
    ],
    ids=["cores", "memory", "both", "hardly"],
)
def test_as_many_as_cores_and_memory_bear(cores: int, megabytes: int, expected: Workers) -> None:
    """The scarcer of the two decides, and one worker is always started."""
    assert bearable(cores, megabytes) == expected


def test_auto_is_ours_in_a_run_meant_for_us(project: pytest.Pytester, run: Pytest) -> None:
    """With one of our options ``-n auto`` takes our number, and the header says why."""
    project.makeconftest(
        "import harness.plugin.workers as w\nw.of_this_machine = lambda: w.Workers(1, 'as tested')"
    )
    result = run("def test_it(): pass", "-n", "auto", "--backend", "nats")
    result.stdout.fnmatch_lines(["harness workers: 1 (as tested)", "created: 1/1 worker"])


@pytest.mark.parametrize("environment", [None, "1"], ids=["foreign", "environment"])
def test_auto_is_left_alone_otherwise(
    run: Pytest,
    loaded: tuple[str, ...],
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    environment: str | None,
) -> None:
    """Somebody else's ``-n auto``, and xdist's own variable, mean what they always meant."""
    project.makepyfile(test_it="def test_it(): pass")
    monkeypatch.setattr(workers, "of_this_machine", lambda: pytest.fail("our number was asked for"))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})
    ours = []
    if environment:
        monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", environment)
        ours = ["-p", "fakes", "--backend", "nats"]
    result = project.runpytest_inprocess(*loaded, *ours, "-n", "auto")
    result.stdout.fnmatch_lines(["created: 1/1 worker"])

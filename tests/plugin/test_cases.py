"""Running cases: their order, their deadline, and verdicts as the outcome of the test itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Pytest = Callable[..., pytest.RunResult]
Lines = Callable[[], list[str]]

VIOLATION = "async def test_it(case):\n    case.ends('violation', '7 messages are gone')"


def test_cases_of_one_cluster_run_together(run: Pytest, done: Lines) -> None:
    """Cases are sorted by cluster, and otherwise stay as written; no other test comes between them."""
    source = """
import pytest

async def test_a(case): pass
def test_other(): pass
@pytest.mark.cluster(nodes=3)
async def test_b(case): pass
async def test_c(case): pass
"""
    result = run(source, "--backend", "redis", "--backend", "kafka", "-v")
    names = [line.split("::")[1].split()[0] for line in result.outlines if "::" in line]
    assert names == [
        "test_a[kafka-1]",
        "test_c[kafka-1]",
        "test_b[kafka-3]",
        "test_a[redis-1]",
        "test_c[redis-1]",
        "test_b[redis-3]",
        "test_other",
    ]
    assert done()[0] == "begun"
    assert done()[-1] == "ended"


def test_a_verdict_nobody_asked_for_fails_the_test(run: Pytest) -> None:
    """A case that passes without a check is judged in the call phase: failed, not an error."""
    run(VIOLATION, "--backend", "nats").assert_outcomes(failed=1, errors=0)


def test_a_case_is_judged_once(run: Pytest) -> None:
    """A test that has asked for the verdict is not judged again."""
    source = """
async def test_it(case):
    case.check()
    case.ends("violation", "too late to be judged")
"""
    run(source, "--backend", "nats").assert_outcomes(passed=1)


def test_a_test_that_fails_by_itself_is_not_judged(run: Pytest) -> None:
    """Its own failure is what is reported, not the verdict of half a scenario."""
    source = f"{VIOLATION}\n    assert 1 == 2"
    result = run(source, "--backend", "nats")
    result.stdout.fnmatch_lines(
        ["*assert 1 == 2*", "reproduce   pytest 'test_it.py::test_it?nats-1?' --seed 7"]
    )
    result.stdout.no_fnmatch_line("verdict *")


def test_unknown_is_counted_by_itself_and_does_not_pass(run: Pytest) -> None:
    """An unknown verdict is neither a pass nor a failure, and pytest exits with 1."""
    result = run("async def test_it(case): case.ends('unknown', 'it did not bite')", "--backend", "nats")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes() == {"unknown": 1}


def test_allowed_passes_and_is_counted_by_itself(run: Pytest) -> None:
    """An allowed anomaly is a pass that can be seen."""
    result = run("async def test_it(case): case.ends('allowed', '3 are gone')", "--backend", "nats", "-v")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == {"allowed": 1}
    result.stdout.fnmatch_lines(["*::test_it?nats-1? ALLOWED*"])


def test_an_expected_violation_is_an_expected_failure(run: Pytest) -> None:
    """``xfail`` works on verdicts as on everything else."""
    source = "import pytest, harness\n@pytest.mark.xfail(raises=harness.ViolationFound)\n" + VIOLATION
    result = run(source, "--backend", "nats")
    result.assert_outcomes(xfailed=1)
    result.stdout.fnmatch_lines(["  test_it * xfail"])


def test_a_skip_within_a_case_is_a_skip(run: Pytest, done: Lines) -> None:
    """A test may find out late that it has nothing to do; its case is closed all the same."""
    run("import pytest\nasync def test_it(case): pytest.skip('no')", "--backend", "nats").assert_outcomes(
        skipped=1
    )
    assert done()[-2:] == ["healed nats@2.15.2-n1-r1", "ended"]


def test_a_failed_case_is_healed(run: Pytest, done: Lines) -> None:
    """Healing and the end of the run happen after a failure too."""
    run("async def test_it(case): assert False", "--backend", "nats").assert_outcomes(failed=1)
    assert done()[-2:] == ["healed nats@2.15.2-n1-r1", "ended"]


def test_a_deadline_names_the_phase(run: Pytest, done: Lines) -> None:
    """A test that takes too long is cancelled, healed, and says in which phase it was."""
    source = """
import anyio, pytest

@pytest.mark.deadline(0.05)
async def test_it(case):
    case.phase_now = "recovery"
    try:
        await anyio.sleep(60)
    finally:
        case.phase_now = "unwinding"
"""
    result = run(source, "--backend", "nats")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test has ended: not within 0.05 s; last seen: phase 'recovery'"])
    assert done()[-2:] == ["healed nats@2.15.2-n1-r1", "ended"]


def test_an_error_while_a_late_test_unwinds_is_still_the_deadline(run: Pytest) -> None:
    """What goes wrong after the cancellation is the cause shown, the deadline the failure."""
    source = """
import anyio, pytest

@pytest.mark.deadline(0.05)
async def test_it(case):
    try:
        await anyio.sleep(60)
    finally:
        raise ConnectionError("closed under our feet")
"""
    result = run(source, "--backend", "nats")
    result.stdout.fnmatch_lines(["*the test has ended: not within 0.05 s*"])


def test_a_test_of_its_own_timeout_is_left_alone(run: Pytest) -> None:
    """Only our deadline is reworded: a ``TimeoutError`` of the test stays what it is."""
    source = "import anyio\nasync def test_it(case):\n    with anyio.fail_after(0.01): await anyio.sleep(60)"
    run(source, "--backend", "nats").stdout.fnmatch_lines(["E * TimeoutError"])


def test_nothing_begins_when_only_collecting(run: Pytest, done: Lines) -> None:
    """``--collect-only`` makes no run."""
    run("async def test_it(case): pass", "--collect-only")
    assert done() == []


def test_nothing_begins_when_collection_fails(run: Pytest, done: Lines) -> None:
    """A run in vain would start a janitor for tests that never run."""
    run("async def test_it(case): pass\ndef test_sync(case): pass")
    assert done() == []


def test_a_run_that_cannot_begin_ends_pytest(project: pytest.Pytester, run: Pytest) -> None:
    """Without an engine every case would fail the same way, so pytest says it once and ends."""
    project.makeconftest("""
import sys
from harness.model.errors import EngineUnavailable

def begin(*arguments, **options):
    raise EngineUnavailable(["unix:///nowhere"], "run `harness setup`")

sys.modules["harness.scenario.run"].Run.begin = begin
""")
    result = run("async def test_it(case): pass")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no container engine answers*", "hint: run `harness setup`"])

"""The whole output of a run, as a person sees it at 80 columns."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from syrupy.assertion import SnapshotAssertion

Pytest = Callable[..., pytest.RunResult]
Read = Callable[[pytest.RunResult], str]

MIXED = '''
import pytest

class Fault:
    def __init__(self, name): self.name = name
    def __str__(self): return self.name
    def inject(self): ...
    def verify(self): ...
    def heal(self): ...

@pytest.mark.cluster(nodes=3)
@pytest.mark.parametrize("fault", [Fault("kill(leader)"), Fault("pause(leader)")], ids=str)
async def test_acked_messages_survive_leader_loss(case, fault):
    """Every acknowledged message is delivered once the cluster has recovered."""
    if case.spec.backend == "kafka" and "kill" in str(fault):
        case.ends("violation", "7 acknowledged messages are not in the log")
    if case.spec.backend == "redis":
        case.ends("allowed", "7 acknowledged messages are not in the log")
    if case.spec.backend == "nats" and "pause" in str(fault):
        case.ends("unknown", "the fault pause(leader) was never seen to bite")

@pytest.mark.requires("lease")
async def test_lease(case):
    assert "redis" not in str(case)

def test_other():
    pass
'''


def test_a_run_of_every_verdict(run: Pytest, read: Read, snapshot: SnapshotAssertion) -> None:
    """Header, failures, unknown verdicts, matrix, skips, allowances, recoveries and counts."""
    assert read(run(MIXED)) == snapshot


def test_a_verbose_run(run: Pytest, read: Read, snapshot: SnapshotAssertion) -> None:
    """With ``-v`` each case has its verdict as a word."""
    assert read(run(MIXED, "-v", "--tb=no", "--backend", "redis", "--backend", "nats")) == snapshot


def test_the_help(project: pytest.Pytester, loaded: tuple[str, ...], snapshot: SnapshotAssertion) -> None:
    """``pytest --help`` explains the options."""
    lines = project.runpytest_inprocess(*loaded, "--help").outlines
    start = lines.index("broker-harness:")
    assert "\n".join(lines[start : lines.index("", start)]) == snapshot

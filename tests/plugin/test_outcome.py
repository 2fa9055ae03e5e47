"""From tests and histories to the result of a case."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.history.records import FaultRecord, FaultStage, Observation, PhaseRecord
from harness.plugin.outcome import planned
from harness.plugin.selection import Column
from harness.plugin.traces import Traces, gather, traces_of

COLUMN = Column("nats@2.10.22", "nats", "2.10.22", 3, "r3")
OPTIONS = ("--backend", "nats@2.10.22")


def item(nodeid: str, module: str, parameters: str) -> Any:
    """A test as far as planning looks at it."""
    return SimpleNamespace(
        nodeid=nodeid,
        module=SimpleNamespace(__name__=module),
        callspec=SimpleNamespace(id=f"{COLUMN.id}{parameters}", params={"case": COLUMN}),
    )


@pytest.mark.parametrize(
    ("where", "module"),
    [
        ("suites/cluster/test_x.py", "suites.cluster.test_x"),
        ("../venv/lib/site-packages/harness/suites/cluster/test_x.py", "harness.suites.cluster.test_x"),
    ],
    ids=["checkout", "wheel"],
)
def test_a_case_is_the_same_in_checkout_and_wheel(where: str, module: str) -> None:
    """Its id and the line that reproduces it do not depend on where the suites are installed."""
    name = "TestLeader::test_lost[nats@2.10.22-3-kill(leader)]"
    case = planned(item(f"{where}::{name}", module, "-kill(leader)"), COLUMN, 7, OPTIONS)
    assert case.scenario == "suites.cluster.test_x::TestLeader::test_lost[kill(leader)]"
    assert case.reproduce == f"pytest 'suites/cluster/test_x.py::{name}' --backend nats@2.10.22 --seed 7"


def test_a_case_without_parameters_has_no_brackets() -> None:
    """The cluster is no part of the scenario's id."""
    case = planned(item("test_x.py::test_y[nats@2.10.22-3]", "test_x", ""), COLUMN, 7, ())
    assert case.scenario == "test_x::test_y"


def fault(number: int, stage: FaultStage, detail: str = "", nodes: tuple[str, ...] = ()) -> FaultRecord:
    """A step of a fault."""
    return FaultRecord(number, "kill(leader)", stage, number, nodes=nodes, detail=detail)


def test_a_history_tells_what_was_struck() -> None:
    """Each fault is one sentence, with the reason where something did not go as meant."""
    traces = gather(
        [
            PhaseRecord("fault", 1, begins=True),
            fault(1, FaultStage.INJECTING),
            fault(1, FaultStage.INJECTED, nodes=("n2",)),
            fault(1, FaultStage.BITTEN, "n2 answers nothing", nodes=("n2",)),
            fault(2, FaultStage.INJECTING),
            fault(1, FaultStage.REACTED, "n3 leads", nodes=("n2",)),
            fault(2, FaultStage.HEAL_FAILED, "no such container"),
            fault(1, FaultStage.HEALED, nodes=("n2",)),
            fault(3, FaultStage.INJECTING),
            Observation("recovery", 9, value=4.5),
            Observation("promotion", 9, value=1.0),
        ]
    )
    assert traces == Traces(
        (
            "kill(leader) hit n2: bitten, reacted, healed",
            "kill(leader) hit nothing: heal failed (no such container)",
            "kill(leader) hit nothing",
        ),
        (4.5,),
    )


def test_many_faults_are_cut_short() -> None:
    """A long schedule does not fill the screen."""
    strikes = gather(fault(number, FaultStage.HEALED, nodes=("n1",)) for number in range(9)).strikes
    assert strikes == (*["kill(leader) hit n1: healed"] * 6, "and 3 more faults")


def test_a_case_without_a_history_has_no_traces(tmp_path: Path) -> None:
    """A case that failed before it recorded anything is reported all the same."""
    assert traces_of(tmp_path / "nowhere") == Traces()
    assert list(tmp_path.iterdir()) == []

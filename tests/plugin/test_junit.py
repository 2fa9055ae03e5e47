"""JUnit properties: what a CI system shows of a case."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

Pytest = Callable[..., pytest.RunResult]

SOURCE = """
import pytest

class Kill:
    def __str__(self): return "kill(leader)"
    def inject(self): ...
    def verify(self): ...
    def heal(self): ...

@pytest.fixture
def fragile(case):
    yield
    raise OSError("the disk is full")

@pytest.mark.cluster(nodes=3)
@pytest.mark.parametrize("fault", [Kill()], ids=str)
async def test_violated(case, fault): case.ends("violation", "gone")

async def test_ok(case): pass

@pytest.mark.requires("lease")
async def test_skipped(case): pass

async def test_torn_down_badly(case, fragile): pass
"""


@pytest.mark.filterwarnings("error")
def test_each_case_has_its_properties(run: Pytest, project: pytest.Pytester) -> None:
    """Backend, version, nodes, tier, fault, seed and verdict are there once, whatever the outcome."""
    run(SOURCE, "--backend", "kafka", "--junitxml=junit.xml")
    found = {}
    for case in ET.parse(project.path / "junit.xml").iter("testcase"):  # noqa: S314 - pytest has just written it
        pairs = [(p.attrib["name"], p.attrib["value"]) for p in case.iter("property")]
        assert len(pairs) == len(dict(pairs)) == 7
        found[case.attrib["name"].partition("[")[0]] = dict(pairs)
    assert found["test_violated"] == {
        "backend": "kafka",
        "version": "4.3.1",
        "nodes": "3",
        "tier": "rf3",
        "fault": "kill(leader)",
        "seed": "7",
        "verdict": "violation",
    }
    assert {name: case["verdict"] for name, case in found.items()} == {
        "test_violated": "violation",
        "test_ok": "ok",
        "test_skipped": "skip",
        "test_torn_down_badly": "error",
    }

"""A run is alive as long as its lock is held, however its holder ends."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engine import ownership
from harness.model.errors import BadOption

HOLDER = """
from harness.engine import ownership
lock = ownership.hold("r1")
print("held", flush=True)
input()
"""


def test_a_run_is_alive_while_its_lock_is_held() -> None:
    """Its own process sees it too."""
    assert not ownership.is_alive("r1")
    with ownership.hold("r1"):
        assert ownership.is_alive("r1")
    assert not ownership.is_alive("r1")


def test_a_killed_holder_is_not_alive() -> None:
    """The kernel gives the lock back, and the file stays to say that there was a run."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path), **_environment()},
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert ownership.is_alive("r1")
        holder.kill()
    assert not ownership.is_alive("r1")
    assert ownership.is_known("r1")


def _environment() -> dict[str, str]:
    return {"BROKER_HARNESS_STATE": str(ownership.runs_directory().parent)}


def test_a_second_run_of_the_same_id_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs with one id would sweep one another."""
    monkeypatch.setattr(ownership, "_PATIENCE", 0.0)
    with ownership.hold("r1"), pytest.raises(BadOption, match="a run of that id is alive"):
        ownership.hold("r1")


@pytest.mark.parametrize("run_id", ["", "a/b", "..", "kept-mine"])
def test_an_id_that_is_no_file_name_is_refused(run_id: str) -> None:
    """So is one that begins like the owner of a kept cluster."""
    with pytest.raises(BadOption, match="run id"):
        ownership.hold(run_id)


def test_probing_never_makes_a_run_look_alive() -> None:
    """Many look at once at a run that has ended, and none takes another for its owner."""
    ownership.hold("r1").release()
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: ownership.is_alive("r1"), range(400)))


def test_forgetting_a_live_run_does_nothing() -> None:
    """Its files are in use."""
    with ownership.hold("r1"):
        ownership.forget("r1")
        assert ownership.is_known("r1")
    ownership.forget("r1")
    assert not ownership.is_known("r1")


def test_known_runs_are_those_with_a_lock_file(state: Path) -> None:
    """Other files of the directory are no runs."""
    ownership.hold("r2").release()
    ownership.hold("r1").release()
    (state / "runs" / "r3.sock").touch()
    assert list(ownership.known_runs()) == ["r1", "r2"]

"""The place where a controller and its workers meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.model.errors import DeadlineExceeded
from harness.plugin.meeting import Meeting


@pytest.fixture
def meeting(tmp_path: Path) -> Meeting:
    """Return a meeting in a place that does not exist yet."""
    return Meeting(tmp_path / "runs" / ".place")


def test_nothing_is_made_before_there_are_cases(meeting: Meeting) -> None:
    """Looking for cases makes no directory."""
    assert meeting.cases() == []
    assert not meeting.place.parent.exists()


def test_each_side_finds_what_the_other_left(meeting: Meeting) -> None:
    """The controller finds the cases, the worker the run; two workers leave the same cases once."""
    for _ in range(2):
        meeting.leave_cases([{"nodeid": "a"}])
    assert meeting.cases() == [{"nodeid": "a"}]
    meeting.leave_run({"run_id": "r"})
    assert meeting.run() == {"run_id": "r"}
    assert sorted(path.name for path in meeting.place.iterdir()) == ["cases.json", "run.json"]


def test_a_worker_does_not_wait_for_ever(meeting: Meeting) -> None:
    """A run that is not there in time is an error that says what is there."""
    meeting.leave_cases([])
    with pytest.raises(DeadlineExceeded, match=r"not within 0 s; last seen: \['cases.json'\]"):
        meeting.run(within=0)


def test_the_place_is_gone_afterwards(meeting: Meeting) -> None:
    """Ending removes the place, and may be done when there is none."""
    meeting.leave_cases([])
    meeting.end()
    meeting.end()
    assert not meeting.place.exists()

"""Memory is spoken for as long as somebody lives who needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.engine import sweep
from harness.engine.reservations import forget_abandoned, reserve, reserved_megabytes

RESERVING = "from harness.engine.reservations import reserve; print(reserve(700, 'a cluster'))"


@pytest.fixture
def abandoned(state: Path) -> Path:
    """Return what a process left that has ended."""
    command = [sys.executable, "-c", RESERVING]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    path = Path(done.stdout.strip())
    assert path.parent.parent == state
    return path


def test_what_is_reserved_adds_up() -> None:
    """Until it is handed back."""
    first = reserve(300, "nats@2.15.2-n1-r1")
    reserve(500, "kafka@4.3.1-n1-rf1")
    assert reserved_megabytes() == 800
    first.unlink()
    assert reserved_megabytes() == 500


def test_the_dead_reserve_nothing(abandoned: Path) -> None:
    """Their files do not count, and go when somebody looks after them; those of the living stay."""
    mine = reserve(300, "nats@2.15.2-n1-r1")
    assert reserved_megabytes() == 300
    forget_abandoned()
    assert (abandoned.exists(), mine.exists()) == (False, True)


def test_a_reservation_does_not_pass_to_a_later_process() -> None:
    """The id alone is not enough: it may be somebody else's by now."""
    path = reserve(300, "nats@2.15.2-n1-r1")
    megabytes, pid, _, what = path.read_text().split(" ")
    path.write_text(f"{megabytes} {pid} 1 {what}")
    assert reserved_megabytes() == 0


def test_half_a_reservation_is_passed_over(state: Path) -> None:
    """Whoever is about to write it holds the pool's lock, but a sweep does not ask for that."""
    reserve(300, "nats@2.15.2-n1-r1")
    (state / "clusters" / "torn.reserved").write_text("70")
    assert reserved_megabytes() == 300


def test_a_sweep_forgets_the_dead_and_keeps_the_living(abandoned: Path) -> None:
    """Also where no file speaks of a cluster."""

    class EmptyEngine:
        def find(self, owner: str | None = None, cluster: str | None = None) -> list[sweep.Thing]:
            return []

        def remove(self, thing: sweep.Thing) -> None:
            raise AssertionError(thing)

        unpause = remove

    mine = reserve(300, "nats@2.15.2-n1-r1")
    sweep.remove_stale_files(EmptyEngine())
    assert (abandoned.exists(), mine.exists()) == (False, True)

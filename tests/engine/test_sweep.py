"""What a sweep takes and, more important, what it leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from harness.engine import ownership, sweep
from harness.engine.sweep import Kind, Thing
from harness.model.errors import DeadlineExceeded

NOW = 1_800_000_000.0


class RememberedEngine:
    """An engine that is a list; ``stubborn`` things refuse to go so many times."""

    def __init__(self, *things: Thing) -> None:
        self.things = list(things)
        self.removed: list[Thing] = []
        self.unpaused: list[Thing] = []
        self.stubborn: dict[str, int] = {}
        self.refusals = 0
        self._lock = threading.Lock()

    def find(self, owner: str | None = None, cluster: str | None = None) -> list[Thing]:
        return [
            thing
            for thing in self.things
            if owner in {None, thing.owner} and cluster in {None, thing.cluster}
        ]

    def remove(self, thing: Thing) -> None:
        with self._lock:
            if self.stubborn.get(thing.id, 0) > 0:
                self.stubborn[thing.id] -= 1
                self.refusals += 1
                raise OSError(f"{thing.id} is in use")
            self.removed.append(thing)
            if thing in self.things:
                self.things.remove(thing)

    def unpause(self, thing: Thing) -> None:
        self.unpaused.append(thing)


def thing(
    owner: str,
    kind: Kind = Kind.CONTAINER,
    *,
    cluster: str = "c1",
    created: float | None = None,
    expires: float | None = None,
) -> Thing:
    """Return a thing named after its owner, cluster and kind."""
    name = f"{owner}-{cluster}-{kind.name.lower()}"
    return Thing(kind, name, name, owner, cluster, time.time() if created is None else created, expires)


def ended(run_id: str) -> str:
    """Leave behind what a run leaves that has ended."""
    ownership.hold(run_id).release()
    return run_id


@pytest.fixture
def live_run() -> Iterator[str]:
    """Return the id of a run that is alive during the test."""
    with ownership.hold("alive"):
        yield "alive"


def swept(engine: RememberedEngine) -> list[str]:
    """Sweep and return what was said."""
    said: list[str] = []
    sweep.sweep(said.append, engine)
    return said


def test_an_ended_runs_things_go_containers_first() -> None:
    """Networks and volumes go after the containers that use them."""
    run = ended("r1")
    engine = RememberedEngine(thing(run, Kind.VOLUME), thing(run, Kind.NETWORK), thing(run))
    assert swept(engine) == ["sweeping 3 left over from r1 (its run has ended)"]
    assert [thing.kind for thing in engine.removed] == [Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME]


def test_a_live_runs_things_stay(live_run: str) -> None:
    """A neighbour at work loses nothing."""
    engine = RememberedEngine(thing(live_run), thing(live_run, Kind.NETWORK))
    assert swept(engine) == []
    assert engine.removed == []


def test_a_run_unknown_here_keeps_what_is_young() -> None:
    """Whether another user's run is alive cannot be seen, so its things stay for a day."""
    day = sweep.FOREIGN_SECONDS
    things = [thing("other", created=NOW - 2 * day), thing("other", created=NOW - day + 60)]
    assert sweep.why_abandoned("other", things, NOW) == ""
    assert sweep.why_abandoned("other", things[:1], NOW) == "unknown here, 48 h old"


@pytest.mark.parametrize("owner", ["", "a/b", "../up"])
def test_an_owner_that_names_no_run_is_treated_as_unknown(owner: str) -> None:
    """A label that we did not write neither breaks the sweep nor is taken for ours."""
    assert sweep.why_abandoned(owner, [thing(owner, created=NOW)], NOW) == ""
    assert "unknown" in sweep.why_abandoned(owner, [thing(owner, created=0)], NOW)


def test_a_kept_cluster_stays_until_the_latest_expiry_of_its_things() -> None:
    """What is kept on purpose has the expiry that was extended last."""
    kept = [thing("kept-mine", expires=NOW - 60), thing("kept-mine", expires=NOW + 60)]
    assert sweep.why_abandoned("kept-mine", kept, NOW) == ""
    assert sweep.why_abandoned("kept-mine", kept, NOW + 61) == "expired 1 s ago"


def test_a_kept_cluster_without_an_expiry_stays() -> None:
    """Nobody said that it may go."""
    assert sweep.why_abandoned("kept-mine", [thing("kept-mine", created=0)], NOW) == ""


def test_a_thing_that_refuses_at_first_is_asked_again() -> None:
    """A network whose last container is still going is removed in a later round."""
    run = ended("r1")
    engine = RememberedEngine(thing(run, Kind.NETWORK))
    engine.stubborn["r1-c1-network"] = 2
    assert sweep.remove_owner(run, engine) == 1
    assert engine.refusals == 2
    assert engine.things == []


def test_what_cannot_be_removed_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline ends the attempts; the sweep says what is left and goes on with the next owner."""
    monkeypatch.setattr(sweep, "_DEADLINE", 0.0)
    engine = RememberedEngine(thing(ended("r1")), thing(ended("r2")))
    engine.stubborn["r1-c1-container"] = 1000
    with pytest.raises(DeadlineExceeded, match="container r1-c1-container: r1-c1-container is in use"):
        sweep.remove_owner("r1", engine)
    assert any(line.startswith("left behind: removing what r1 owns") for line in swept(engine))
    assert [thing.owner for thing in engine.things] == ["r1"]


def test_sweeping_twice_finds_nothing_the_second_time() -> None:
    """A sweep is idempotent."""
    engine = RememberedEngine(thing(ended("r1")))
    assert len(swept(engine)) == 1
    assert swept(engine) == []


def test_two_sweeps_at_once_remove_everything_without_a_word_of_failure() -> None:
    """What another sweep has removed meanwhile counts as removed."""
    run = ended("r1")
    engine = RememberedEngine(*(thing(run, cluster=f"c{number}") for number in range(50)))
    said: list[str] = []
    threads = [threading.Thread(target=sweep.sweep, args=(said.append, engine)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert engine.things == []
    assert not [line for line in said if "left behind" in line]


def test_removing_a_cluster_leaves_its_neighbours(state: Path) -> None:
    """Only the things and the state files of that cluster go."""
    engine = RememberedEngine(thing("r1", cluster="c1"), thing("r1", cluster="c2"))
    files = described(state, "c1"), described(state, "c2")
    assert sweep.remove_cluster("c1", engine) == 1
    assert [thing.cluster for thing in engine.things] == ["c2"]
    assert [path.exists() for path in files] == [False, True]


def described(state: Path, cluster: str, owner: str = "r1") -> Path:
    """Write a cluster's description."""
    path = state / "clusters" / f"{cluster}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"format_version": 1, "id": "{cluster}", "owner": "{owner}"}}')
    return path


def test_files_of_what_is_gone_go_and_those_of_what_is_there_stay(state: Path, live_run: str) -> None:
    """A description outlives neither its cluster nor, if the cluster is still to come, its run."""
    stale = described(state, "gone", ended("r1"))
    kept = described(state, "c1", "kept-mine")
    starting = described(state, "c2", live_run)
    broken = described(state, "c3")
    broken.write_text("{")
    swept(RememberedEngine(thing("kept-mine", cluster="c1")))
    assert [path.exists() for path in (stale, kept, starting, broken)] == [False, True, True, False]


def test_the_lease_of_a_cluster_that_never_came_goes_unless_it_is_held(state: Path) -> None:
    """Who was killed before its cluster was described left only that; who is booting holds it."""
    clusters = state / "clusters"
    clusters.mkdir(parents=True)
    (clusters / "c1.lease").touch()
    (clusters / "c1.dirty").touch()
    with FileLock(clusters / "c2.lease"):
        swept(RememberedEngine())
        assert [path.name for path in clusters.iterdir()] == ["c2.lease"]


def test_the_lock_of_an_ended_run_goes_once_it_owns_nothing(live_run: str) -> None:
    """As long as something is left, the lock is what tells that its run has ended."""
    run = ended("r1")
    engine = RememberedEngine(thing("r2"))
    swept(engine)
    assert not ownership.is_known(run)
    assert ownership.is_known(live_run)

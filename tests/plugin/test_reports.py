"""What a person reads, at 80 columns and without colour."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from _pytest._io import TerminalWriter
from syrupy.assertion import SnapshotAssertion

from harness.reports.allowed import allowed
from harness.reports.events import CaseReported, CasesPlanned, EventStream, RunBegun, RunEnded, WorkerDied
from harness.reports.failure import failure_block
from harness.reports.ledger import Ledger
from harness.reports.matrix import matrix
from harness.reports.recovery import slowest_recoveries
from harness.reports.result import CaseResult, FindingText, Verdict
from harness.reports.skips import skips
from harness.reports.terminal import TerminalReport
from harness.reports.text import as_text, plain, write

WIDTH = 80

LOST = FindingText(
    guarantee="no lost messages",
    verdict="violation",
    number=7,
    summary="7 acknowledged messages are neither in the log of orders nor delivered to billing",
    why="promised by https://vendor.example/design#durability",
    quote="a committed message will not be lost as long as one in-sync replica remains alive",
    source="https://vendor.example/design#durability",
    evidence=("messages p1-7, p1-8, p1-9, p1-10, p1-11 and 2 more", "ops 4, 17, 21 of the history"),
)
TOLERATED = replace(LOST, verdict="allowed", why="after promotion, not promised by https://vendor.example/ha")

CASE = CaseResult(
    nodeid="suites/cluster/test_leader_loss.py::test_acked_messages_survive[kafka-3-kill(leader)]",
    scenario="suites.cluster.test_leader_loss::test_acked_messages_survive[kill(leader)]",
    backend="kafka",
    version="4.3.1",
    nodes=3,
    tier="rf3",
    seed=1234567890,
    fault="kill(leader)",
    strikes=("kill(leader) hit n2: bitten, reacted, healed",),
    reproduce="pytest 'suites/cluster/test_leader_loss.py::test_acked_messages_survive[kafka-3-kill(leader)]'"
    " --seed 1234567890",
    files=("runs/20260102-030405-abcdef/kafka/suites-cluster-test_leader_loss-test_acked_messages_survive/",),
)


def on(backend: str, version: str, tier: str, verdict: Verdict, **changes: object) -> CaseResult:
    """The case on another cluster, with another ending."""
    moved = replace(CASE, backend=backend, version=version, tier=tier, verdict=verdict)
    return replace(moved, nodeid=f"{backend}-{version}-{tier}-{changes}", **changes)  # type: ignore[arg-type]


def scenario(test: str) -> str:
    """A scenario of another name."""
    return f"suites.cluster.test_leader_loss::{test}"


PAUSED = scenario("test_acked_messages_survive[pause(leader)]")
LEASE = scenario("test_lease")
NO_LEASE = "kafka has no capability 'lease'"

MATRIX = (
    on("kafka", "4.3.1", "rf3", Verdict.VIOLATION, findings=(LOST,)),
    on("nats", "2.15.2", "r3", Verdict.OK, recoveries=(6.31, 4.0)),
    on("redis", "8.0.2", "everysec", Verdict.ALLOWED, findings=(TOLERATED,), recoveries=(2.25,)),
    on(
        "kafka",
        "4.3.1",
        "rf3",
        Verdict.UNKNOWN,
        scenario=PAUSED,
    ),
    on(
        "nats",
        "2.15.2",
        "r3",
        Verdict.FAILED,
        scenario=PAUSED,
    ),
    on(
        "redis",
        "8.0.2",
        "everysec",
        Verdict.NOT_RUN,
        scenario=PAUSED,
    ),
    on(
        "kafka",
        "4.3.1",
        "rf3",
        Verdict.SKIP,
        scenario=LEASE,
        sentence=NO_LEASE,
    ),
    on("nats", "2.15.2", "r3", Verdict.XFAIL, scenario=LEASE),
    on("redis", "8.0.2", "everysec", Verdict.ERROR, scenario=LEASE),
    on("redis", "8.0.2", "min-replicas", Verdict.OK, scenario=LEASE),
    on("nats", "2.15.2", "r1", Verdict.OK, nodes=1, scenario="tests.test_orders::TestShop::test_one"),
    on("nats", "2.10.22", "r1", Verdict.OK, nodes=1, scenario="tests.test_orders::TestShop::test_one"),
)


def test_the_matrix(snapshot: SnapshotAssertion) -> None:
    """Every verdict is a word, clusters of one size share a table, and what does not exist is a dash."""
    text = as_text(matrix(MATRIX, WIDTH))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text == snapshot


def test_a_matrix_of_many_columns_is_cut_in_two(snapshot: SnapshotAssertion) -> None:
    """Columns that do not fit are a second table with the same rows."""
    versions = ("2.10.22", "2.10.27", "2.11.4", "2.12.1", "2.14.0", "2.15.2")
    text = as_text(matrix([on("nats", version, "r3", Verdict.OK) for version in versions], WIDTH))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text == snapshot


def test_a_long_name_is_never_shortened(snapshot: SnapshotAssertion) -> None:
    """A name that would run into the cells has them on the next line."""
    name = "test_every_acknowledged_message_is_delivered_to_every_group_after_the_leader_is_lost"
    results = [on(backend, "1", "r3", Verdict.OK, scenario=scenario(name)) for backend in ("a", "b", "c")]
    assert as_text(matrix(results, WIDTH)) == snapshot


def test_no_cases_no_matrix() -> None:
    """Nothing is drawn for nothing."""
    assert matrix([], WIDTH) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": Verdict.VIOLATION, "sentence": LOST.summary, "findings": (LOST,)},
        {"verdict": Verdict.VIOLATION, "sentence": LOST.summary, "findings": (TOLERATED, *[LOST] * 6)},
        {"verdict": Verdict.UNKNOWN, "sentence": "the fault was not seen to bite", "findings": (TOLERATED,)},
        {"verdict": Verdict.ERROR, "sentence": "OSError: the disk is full", "strikes": (), "files": ()},
    ],
    ids=["violation", "many", "unknown", "error"],
)
def test_the_failure_block(snapshot: SnapshotAssertion, changes: dict[str, object]) -> None:
    """What happened, what it rests on, and a line to paste that is never broken."""
    assert as_text(failure_block(replace(CASE, **changes), WIDTH)) == snapshot  # type: ignore[arg-type]


def test_the_allowed_anomalies(snapshot: SnapshotAssertion) -> None:
    """What one sentence allows on one cluster is counted in one place, with the sentence."""
    twice = replace(MATRIX[2], nodeid="another")
    assert as_text(allowed([*MATRIX, twice], WIDTH)) == snapshot


def test_the_slowest_recoveries(snapshot: SnapshotAssertion) -> None:
    """The worst recovery of each case, the slowest cases first, three at most."""
    more = [replace(MATRIX[1], nodeid=str(n), recoveries=(float(n),)) for n in (1, 9, 12)]
    assert as_text(slowest_recoveries([*MATRIX, *more])) == snapshot


def test_the_skips(snapshot: SnapshotAssertion) -> None:
    """Each reason once, with the number of its cases."""
    assert as_text(skips([*MATRIX, MATRIX[6], replace(MATRIX[6], sentence="because")])) == snapshot


def test_a_style_only_repeats_the_words() -> None:
    """With and without colour the words are the same."""

    def written(*, colour: bool) -> str:
        file = io.StringIO()
        writer = TerminalWriter(file)
        writer.hasmarkup = colour
        write(writer, matrix(MATRIX, WIDTH))
        return file.getvalue()

    coloured = written(colour=True)
    assert "\x1b[31mVIOLATION\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == written(colour=False)


def test_a_result_survives_the_journey() -> None:
    """What a worker sends is what the controller gets, through plain values only."""
    result = replace(MATRIX[2], sentence="3 are gone")
    assert CaseResult.from_data(result.as_data()) == result


def test_the_gravest_verdict_of_a_case_stands() -> None:
    """A later phase cannot make a case better, and a case that never ran says so."""
    ledger = Ledger()
    stream = EventStream(ledger)
    other = replace(CASE, nodeid="other")
    stream.emit(CasesPlanned((CASE, other)))
    for verdict in (Verdict.OK, Verdict.ERROR, Verdict.UNKNOWN):
        stream.emit(CaseReported(replace(CASE, verdict=verdict)))
    assert [result.verdict for result in ledger.results] == [Verdict.ERROR, Verdict.NOT_RUN]


def test_a_dead_worker_does_not_hide_a_violation() -> None:
    """A case that was violated before its worker died stays so; a foreign test is nobody's case."""
    ledger = Ledger()
    stream = EventStream(ledger)
    stream.emit(CasesPlanned((CASE,)))
    stream.emit(CaseReported(replace(CASE, verdict=Verdict.VIOLATION)))
    stream.emit(WorkerDied(CASE.nodeid, "gone"))
    assert ledger.results[0].verdict is Verdict.VIOLATION
    assert not ledger.is_case("somebody else's")


def test_the_terminal_prints_what_there_is(snapshot: SnapshotAssertion) -> None:
    """The header at the beginning; at the end only the sections that have something to say."""
    ledger = Ledger()
    file = io.StringIO()
    writer = TerminalWriter(file)
    report = TerminalReport(
        writer, lambda title: write(writer, [plain(f"== {title}")]), lambda: WIDTH, ledger
    )
    stream = EventStream(ledger, report)
    stream.emit(RunBegun(("harness seed: 7",)))
    stream.emit(CaseReported(MATRIX[1]))
    stream.emit(RunEnded())
    assert file.getvalue() == snapshot

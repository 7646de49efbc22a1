"""What every report says of a run: that it has not reached its end, how far it came, and how many rows were sent."""

from __future__ import annotations

import io
import json
import zlib
from base64 import b64decode
from typing import Any

import pytest
from journal_samples import DELIVERED, REJECTED, UNKNOWN, begin, item, settled
from msgspec.structs import replace

from reports.report_runs import SPEC, Run, answer, every_outcome, exchange, post
from reports.test_console import printed
from rokt_export.delivery.run_counts import RunFigures
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RowSet, RunState
from rokt_export.journal.recording import Recording, RedactedText
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.redaction import Piece
from rokt_export.reports import brief, console, exchange_view, html, run_report
from rokt_export.reports.formats import FORMATS
from rokt_export.reports.listing import Listing
from rokt_export.reports.run_facts import run_facts, sent_when, title
from rokt_export.reports.run_report import RunReport

READABLE = ("markdown", "html", "junit", "har", "json")


def text_of(run_report: RunReport, name: str) -> str:
    stream = io.StringIO()
    FORMATS[name].write(run_report, stream)
    return stream.getvalue()


def stopped(
    journal: Journal,
    state: RunState | None,
    *,
    total: int | None = 200,
    rows: int = 40,
    notes: dict[str, Any] | None = None,
    monkeypatch: pytest.MonkeyPatch | None = None,
    production: bool = False,
) -> RunReport:
    """A replay that settled some rows; no state leaves it running, and a crash is made by ending it as running."""
    writer = begin(journal, options={"rows": total} if total is not None else {}, production=production)
    writer.intend([item(row) for row in range(1, rows + 1)])
    writer.settle([settled(row) for row in range(1, rows + 1)])
    if notes is not None:
        journal.note(writer.run, notes)
    if state in (RunState.FINISHED, RunState.INTERRUPTED):
        writer.end(state, 0)
    if state is RunState.CRASHED and monkeypatch is not None:
        monkeypatch.setattr("rokt_export.journal.run_records.Process.is_alive", lambda *_: False)
    return RunReport.of(journal, journal.find(writer.run))


def written(run_report: RunReport, name: str) -> str:
    stream = io.StringIO()
    FORMATS[name].write(run_report, stream)
    return stream.getvalue()


def summarized(run_report: RunReport) -> str:
    stream = io.StringIO()
    brief.write(run_report, stream)
    return stream.getvalue()


REPEATED = {"repeated": {"rows": 10, "first": [3]}}
CTRL_C = {"finished": {"reason": "interrupted", "message": ""}}
RULE = {"finished": {"reason": "unclassified", "message": "stopped at row 40: no rule matches this response"}}
TIME = {"finished": {"reason": "time", "message": "stopped: the time that it may take is over"}}


@pytest.mark.parametrize(
    ("state", "notes", "total", "sentence"),
    [
        (RunState.INTERRUPTED, CTRL_C, 200, "interrupted: 40 of 200 rows handled, 160 not sent"),
        (RunState.INTERRUPTED, None, 200, "interrupted: 40 of 200 rows handled, 160 not sent"),
        (RunState.INTERRUPTED, CTRL_C, None, "interrupted: 40 rows handled"),
        (RunState.INTERRUPTED, CTRL_C, 40, "interrupted: 40 of 40 rows handled"),
        (RunState.INTERRUPTED, CTRL_C | {"left_out": {"delivered": 60}, "not_sent": REPEATED}, 200,
         "interrupted: 110 of 200 rows handled, 90 not sent"),
        (RunState.INTERRUPTED, RULE, 200,
         "stopped at row 40: no rule matches this response; 40 of 200 rows handled, 160 not sent"),
        (RunState.INTERRUPTED, TIME, 200,
         "stopped: the time that it may take is over; 40 of 200 rows handled, 160 not sent"),
        (RunState.CRASHED, RULE, 200, "crashed: 40 of 200 rows handled, 160 not sent"),
        (RunState.RUNNING, RULE, 200, "still running: 40 of 200 rows handled so far"),
    ],
)  # fmt: skip
def test_every_report_leads_with_how_far_an_unfinished_run_came(
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
    state: RunState,
    notes: dict[str, Any] | None,
    total: int | None,
    sentence: str,
) -> None:
    run_report = stopped(journal, state, total=total, notes=notes, monkeypatch=monkeypatch)
    assert run_report.unfinished == sentence
    word = "still running" if state is RunState.RUNNING else str(state)
    assert title(run_report) == f"acme, staging: 40 deliveries, {word}"
    texts = {name: written(run_report, name) for name in READABLE}
    assert summarized(run_report).splitlines()[2] == sentence
    assert texts["markdown"].splitlines()[:3] == [f"# {title(run_report)}", "", sentence]
    assert f"{sentence[0].upper()}{sentence[1:]}\n    </h1>" in texts["html"]
    assert f'<property name="unfinished" value="{sentence}"/>' in texts["junit"]
    assert json.loads(texts["har"])["log"]["_state"] == state
    document = json.loads(texts["json"])
    assert (document["state"], document["unfinished"], document.get("total")) == (state, sentence, total)
    shown = printed(console.run_table, run_report, width=140).splitlines()
    all_rows = "All 40 handled rows were delivered"
    if (notes or {}).get("not_sent"):
        all_rows = "All 40 rows that were sent were delivered"
    led = f"{sentence[0].upper()}{sentence[1:]}. {all_rows}. --all shows every row."
    assert " ".join(" ".join(shown).split()) == led


@pytest.mark.parametrize(
    ("state", "notes", "sentence"),
    [
        (RunState.INTERRUPTED, {"finished": None}, "interrupted: 40 of 200 rows handled"),
        (RunState.INTERRUPTED, {"finished": None, "left_out": {"delivered": 60}},
         "interrupted: 40 of 200 rows handled"),
        (RunState.CRASHED, CTRL_C | {"left_out": {"delivered": 60}}, "crashed: 40 of 200 rows handled"),
        (RunState.INTERRUPTED, CTRL_C | {"left_out": {"delivered": 60}},
         "interrupted: 100 of 200 rows handled, 100 not sent"),
    ],
)  # fmt: skip
def test_what_a_guarded_environment_was_not_sent_is_said_only_where_the_run_noted_it(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, state: RunState, notes: dict[str, Any], sentence: str
) -> None:
    """A run that an error ends notes no rows that were left out, which the partner has."""
    run_report = stopped(journal, state, notes=notes, monkeypatch=monkeypatch, production=True)
    assert run_report.unfinished == sentence
    assert (run_report.left_over is None) is ("not sent" not in sentence)


def test_a_finished_run_is_not_called_unfinished(journal: Journal) -> None:
    run_report = stopped(journal, RunState.FINISHED)
    assert run_report.unfinished is None
    assert title(run_report) == "acme, staging: 40 deliveries"
    document = json.loads(written(run_report, "json"))
    assert {"state", "total", "unfinished"}.isdisjoint(document), "the document of a finished run is the contract's"


def test_rows_under_way_are_not_called_sent(journal: Journal) -> None:
    writer = begin(journal, options={"rows": 9})
    writer.intend([item(row) for row in range(1, 4)])
    writer.settle([settled(1)])
    run_report = RunReport.of(journal, journal.find(writer.run))
    assert title(run_report) == "acme, staging: 1 delivery, 2 in flight, still running"
    assert run_report.unfinished == "still running: 1 of 9 rows handled so far, 2 in flight"
    assert "did they arrive" not in printed(console.summary, run_report)


def test_only_a_row_in_flight_is_told_to_wait_for_its_response(journal: Journal) -> None:
    """A row that timed out was sent, whether or not the run goes on."""
    writer = begin(journal, options={"rows": 9})
    writer.intend([item(row) for row in range(1, 4)])
    writer.settle([replace(settled(1, UNKNOWN), status=None, latency_ms=None, reason="no response within 5 s")])
    run_report = RunReport.of(journal, journal.find(writer.run))
    assert title(run_report) == "acme, staging: 1 delivery, 2 in flight, still running"
    assert [run_report.why_not_recorded(one).startswith("the run still waits") for one in run_report.deliveries()] == [
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("record", ["some", "all"])
def test_of_a_lost_recording_no_quota_is_the_reason(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, record: str
) -> None:
    """A second Ctrl-C or a kill leaves recordings out, however few there are."""
    writer = begin(journal, options={"flags": {"record": record}})
    writer.intend([item(row) for row in (1, 2)])
    rejected = replace(settled(2, REJECTED), status=422)
    writer.settle([settled(1), rejected])

    def why() -> str:
        return RunReport.of(journal, journal.find(writer.run)).why_not_recorded(rejected)

    assert why() == "the run has not recorded it yet"
    writer.end(RunState.INTERRUPTED, 130)
    assert why() == "the run was stopped at once, or killed, before it was recorded"
    monkeypatch.setattr(run_report, "PROBLEMS_RECORDED", 0)
    assert why().startswith("only 0 unexpected outcomes are recorded" if record == "some" else "the run was stopped")


def test_a_revised_row_has_no_recording_for_what_it_was_when_it_was_sent(journal: Journal) -> None:
    writer = begin(journal)
    writer.intend([item(1)])
    writer.settle([settled(1)])
    writer.end(RunState.FINISHED, 0)
    now = replace(settled(1, REJECTED), reason="a rule was added")
    journal.revise(writer.run, [now], by="reclassify")
    run_report = RunReport.of(journal, journal.find(writer.run))
    assert run_report.why_not_recorded(now).startswith("of expected outcomes only the first ")


def sent_once_more(journal: Journal, outcome: OutcomeKind, **recorded: Any) -> tuple[RunReport, Delivery]:
    """A row that timed out and was sent once more; `recorded` is what is recorded of the second attempt."""
    asked = {"method": "POST", "url": RedactedText((Piece("https://api.example.com/leads"),))}
    fault = ("timeout_after_send", "no response within 5 s")
    writer = begin(journal)
    writer.intend([item(1)])
    lost = replace(settled(1, UNKNOWN), status=None, started=1.7e9, error=": ".join(fault))
    writer.settle([lost], {1: Recording(**asked, fault=fault, started=1.7e9).dump()})
    writer.intend([item(1)])
    came = replace(settled(1, outcome), started=1.7e9 + 60, latency_ms=7.5)
    if outcome is UNKNOWN:
        came = replace(lost, started=1.7e9 + 60)
    second = {1: Recording(**asked, started=1.7e9 + 60, **recorded).dump()} if recorded else {}
    writer.settle([came], second)
    writer.end(RunState.FINISHED, 0)
    run_report = RunReport.of(journal, journal.find(writer.run))
    return run_report, next(run_report.deliveries())


def test_a_recording_of_an_earlier_attempt_is_no_recording_of_the_result(journal: Journal) -> None:
    run_report, one = sent_once_more(journal, DELIVERED)
    assert (one.attempts, one.started, run_report.figures.attempts) == (2, 1.7e9, 2)
    told = (
        "What came of the last attempt is not recorded: of expected outcomes only the first 200 are recorded; "
        "--record all records each.\n"
        "The request is of an earlier attempt, sent 2023-11-14 22:13:20.000 UTC: "
        "timeout_after_send: no response within 5 s"
    )
    met = [
        run_report.recording_of(one),
        run_report.exchanges([1])[1][1],
        next(run_report.deliveries_with_recordings())[1],
    ]
    for recording in filter(None, met):
        assert (recording.response, recording.fault, recording.earlier) == (None, None, told)
        assert (recording.method, recording.timings.total) == ("POST", 0.0075)
    assert None not in met
    shown = printed(exchange_view.exchange, one, met[0], None)
    assert told.split("\n")[0] in shown and "No response" not in shown
    assert "2 attempts, first sent 2023-11-14 22:13:20.000 UTC: end 7.5 ms" in shown
    again: dict[int, Delivery] = {}
    list(html._rows(run_report, Listing.of(run_report, 10), listed := RowSet(), again))
    (block,) = html._blocks(run_report, listed, again)
    assert json.loads(zlib.decompress(b64decode(block.data)))["entries"][0]["response"] == told
    (entry,) = json.loads(text_of(run_report, "har"))["log"]["entries"]
    assert (entry["response"]["status"], entry["comment"]) == (201, told.replace("\n", " "))


@pytest.mark.parametrize(
    ("outcome", "recorded"), [(DELIVERED, {"status": 201}), (UNKNOWN, {"fault": ("timeout_after_send", "again")})]
)
def test_a_recording_of_the_last_attempt_is_shown_whole(
    journal: Journal, outcome: OutcomeKind, recorded: dict[str, Any]
) -> None:
    run_report, one = sent_once_more(journal, outcome, **recorded)
    recording = run_report.recording_of(one)
    assert recording is not None and not recording.earlier
    assert {name: getattr(recording, name) for name in recorded} == recorded
    assert (one.attempts, one.started) == (2, 1.7e9)


def test_a_killed_certification_may_have_left_what_no_rule_understands(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(journal, command="certify")
    writer.intend([item(row) for row in range(1, 5)])
    writer.settle([settled(1), settled(2, OutcomeKind.UNCLASSIFIED), settled(3, REJECTED)])  # and row 4 is unknown
    monkeypatch.setattr("rokt_export.journal.run_records.Process.is_alive", lambda *_: False)
    assert any("at most 3 test records" in note for note in RunReport.of(journal, journal.find(writer.run)).notes)


def test_the_story_counts_what_the_deliveries_say(run_report: RunReport) -> None:
    figures = run_report.figures
    assert (run_report.rows, figures.rows, figures.attempts, figures.invented) == (9, 9, 8, 9)
    assert run_report.as_expected == 2
    assert run_report.coverage is not None
    assert run_report.coverage.line() == "All 4 response rules matched."


def test_rules_never_seen_are_named(tell) -> None:
    coverage = tell(Run([exchange(1, post(), answer(201, "{}"))])).coverage
    assert coverage is not None
    assert coverage.line() == "1 of 4 response rules matched. Not seen yet: duplicate, rejected, failed"


def test_recordings_stand_beside_their_deliveries(run_report: RunReport) -> None:
    both = list(run_report.deliveries_with_recordings())
    assert [one.row for one, _ in both] == list(range(1, 10))
    assert [one.row for one, recording in both if recording is None] == [6]
    assert all(recording is None or recording.status == one.status for one, recording in both)


def test_the_spec_is_the_one_that_the_run_went_with(tell, journal: Journal) -> None:
    run = tell(Run(every_outcome())).run
    changed = read_spec(parse("acme.yaml", SPEC.replace("409", "418")))
    run_report = RunReport.of(journal, run, changed)
    assert run_report.loaded is not None
    assert run_report.loaded.sha256 == run.spec_sha256


def test_recorded_responses_are_explained(run_report: RunReport) -> None:
    recording = run_report.recording(2)
    assert recording is not None
    explained = run_report.explain(recording)
    assert explained is not None
    assert explained.outcome.rule == "duplicate"
    fault = run_report.recording(7)
    assert fault is not None
    assert run_report.explain(fault) is None


def test_a_purged_run_keeps_its_counts(run_report: RunReport, journal: Journal) -> None:
    journal.purge(run_report.run.run)
    purged = RunReport.of(journal, journal.find(run_report.run.run))
    assert purged.counts == run_report.counts
    for name in ("csv", "ndjson", "json"):
        assert written(purged, name)


def test_a_resumed_run_that_was_killed_counts_the_rows_of_both_processes(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(journal)
    writer.intend([item(1)])
    writer.settle([replace(settled(1), started=1.7e9)])
    journal.note(writer.run, {"figures": RunFigures.of([replace(settled(1), started=1.7e9)]).as_json()})
    writer.end(RunState.INTERRUPTED, 130)
    resumed = journal.reopen(writer.run)
    resumed.intend([item(2), item(3)])
    resumed.settle([replace(settled(2), started=1.7e9 + 60)])
    monkeypatch.setattr("rokt_export.journal.run_records.Process.is_alive", lambda *_: False)
    killed = RunReport.of(journal, journal.find(writer.run))
    facts = dict(run_facts(killed))
    assert title(killed) == "acme, staging: 3 deliveries, crashed"
    assert facts["Requests sent"] == "2, and perhaps 1 whose response was not recorded"
    assert facts["Last sent"] == "2023-11-14 22:14:20.000 UTC, or later"
    assert sent_when(killed) == (
        "2023-11-14 22:13:20.000 UTC to 2023-11-14 22:14:20.000 UTC, or later: of 1 row no response was recorded"
    )

"""CSV, NDJSON, JSON, the report they are read from, and the files that they are written to."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections import Counter
from pathlib import Path

import pytest

from reports.report_runs import SPEC, Run, answer, every_outcome, exchange, post
from rokt_export.delivery.run_counts import Latencies
from rokt_export.errors import UsageError
from rokt_export.journal import Journal
from rokt_export.partner_spec.document import parse
from rokt_export.partner_spec.loading import read_spec
from rokt_export.reports.formats import FORMATS, format_named, format_of, write_reports
from rokt_export.reports.run_report import RunReport


def written(run_report: RunReport, name: str) -> str:
    stream = io.StringIO(newline="")
    FORMATS[name].write(run_report, stream)
    return stream.getvalue()


def test_csv_has_one_row_per_input_row_in_order(run_report: RunReport) -> None:
    rows = list(csv.DictReader(io.StringIO(written(run_report, "csv"), newline="")))
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 10)]
    assert list(rows[0]) == [
        *("row", "transaction", "outcome", "status", "rule", "reason", "reference"),
        *("code", "attempts", "latency_ms", "error"),
    ]
    assert Counter(row["outcome"] for row in rows) == run_report.counts


def test_csv_ends_lines_as_the_standard_says(run_report: RunReport) -> None:
    text = written(run_report, "csv")
    assert text.count("\r\n") == text.count("\n") == 10


def test_csv_disarms_what_a_spreadsheet_would_run(run_report: RunReport) -> None:
    reasons = [row["reason"] for row in csv.DictReader(io.StringIO(written(run_report, "csv"), newline=""))]
    assert reasons[2] == "'=cmd|'/c calc'!A1"
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in reasons)


def test_json_is_the_contracts_document(run_report: RunReport) -> None:
    document = json.loads(written(run_report, "json"))
    assert list(document) == ["run", "partner", "environment", "counts", "deliveries"]
    assert document["counts"] == run_report.counts
    assert document["deliveries"] == [one.as_json() for one in run_report.deliveries()]


def test_ndjson_is_one_delivery_a_line(run_report: RunReport) -> None:
    lines = [json.loads(line) for line in written(run_report, "ndjson").splitlines()]
    assert lines == [one.as_json() for one in run_report.deliveries()]


def test_a_run_without_rows_is_a_document_too(tell) -> None:
    empty = tell(Run([]))
    assert json.loads(written(empty, "json"))["deliveries"] == []
    assert written(empty, "ndjson") == ""
    assert written(empty, "csv").count("\n") == 1


# --- the report


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


def test_percentiles_are_right_to_one_percent() -> None:
    latencies = Latencies()
    for value in range(1, 10_001):
        latencies.add(value / 10)
    for share in (0.5, 0.95, 0.99):
        assert latencies.percentile(share) == pytest.approx(share * 1000, rel=0.011)
    assert latencies.percentile(1.0) == 1000
    assert Latencies().percentile(0.5) is None


def test_histogram_bars_hold_every_latency_once() -> None:
    latencies = Latencies()
    for value in (0.0, 0.4, 1, 1.9, 2, 9.99, 10, 499, 30_000):
        latencies.add(value)
    bars = list(latencies.bars())
    assert sum(count for *_, count in bars) == 9
    assert all(lower < upper for lower, upper, _ in bars)
    assert [upper for _, upper, _ in bars[:-1]] == pytest.approx([lower for lower, *_ in bars[1:]])
    assert len(bars) <= 36


# --- files


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_found_by_its_suffixes(name: str) -> None:
    for suffix in FORMATS[name].suffixes:
        assert format_of(Path("some") / f"report{suffix.upper()}") is FORMATS[name]
    assert format_named(name.upper()) is FORMATS[name]


def test_an_unknown_suffix_or_name_says_which_there_are() -> None:
    with pytest.raises(UsageError, match="does not say which format"):
        format_of(Path("report.pdf"))
    with pytest.raises(UsageError, match="no report has the format"):
        format_named("pdf")


def test_a_file_is_replaced_whole_and_is_the_owners_alone(run_report: RunReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    path.chmod(0o644)
    write_reports(run_report, [(FORMATS["json"], path)])
    assert json.loads(path.read_text())["run"] == run_report.run.run
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir() if "report" in entry.name) == ["report.json"]


def test_a_link_is_not_followed(run_report: RunReport, tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    with pytest.raises(UsageError, match="symbolic link"):
        write_reports(run_report, [(FORMATS["csv"], link)])
    assert real.read_text() == "old"


def test_a_device_is_written_to_and_not_replaced(run_report: RunReport) -> None:
    write_reports(run_report, [(FORMATS["csv"], Path("/dev/null"))])
    assert not Path("/dev/null").is_file()


def test_a_path_that_cannot_be_written_leaves_nothing(run_report: RunReport, tmp_path: Path) -> None:
    good, folder = tmp_path / "out" / "good.csv", tmp_path / "out"
    folder.mkdir()
    good.write_text("old")
    for bad in (folder / "missing" / "report.json", folder, Path("/proc/report.json")):
        with pytest.raises(UsageError) as caught:
            write_reports(run_report, [(FORMATS["csv"], good), (FORMATS["json"], bad)])
        assert caught.value.remedy
        assert str(bad) == caught.value.where
        assert good.read_text() == "old"
        assert list(folder.iterdir()) == [good]


def test_a_disk_that_fills_up_leaves_nothing(run_report: RunReport, tmp_path: Path, monkeypatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_reports(run_report, [(FORMATS["csv"], tmp_path / "report.csv")])
    assert not [entry for entry in tmp_path.iterdir() if "report" in entry.name]


def test_two_reports_do_not_share_a_file(run_report: RunReport, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(UsageError, match="two reports"):
        write_reports(run_report, [(FORMATS["json"], path), (FORMATS["csv"], path)])

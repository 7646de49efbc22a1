"""Each format holds every delivery, agrees on counts, and is written whole to its file or not at all."""

from __future__ import annotations

import html
import inspect
import json
import os
import pkgutil
import re
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection
from importlib import import_module
from pathlib import Path

import pytest
from msgspec.structs import replace

from reports.report_runs import HIDDEN, SPEC, STARTED, Run, answer, every_outcome, exchange, post
from reports.report_texts import artefact, message_of, outcomes_in, written
from rokt_export import reports
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor
from rokt_export.reports.formats import FORMATS, ReportFormat, format_named, format_of, write_reports
from rokt_export.reports.listing import Listing
from rokt_export.reports.run_report import RunReport


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_delivery_and_agrees_on_counts(run_report: RunReport, name: str) -> None:
    told = [str(one.outcome) for one in run_report.deliveries() if one.started or name != "eml"]
    assert outcomes_in(run_report, name) == told
    assert len(told) == run_report.rows - (name == "eml")  # a row that was never sent is none of the partner's business


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_lists_only_the_outcomes_that_are_asked_for(
    run_report: RunReport, journal: Journal, name: str
) -> None:
    some = RunReport.of(journal, run_report.run, only=frozenset({OutcomeKind.REJECTED, OutcomeKind.UNKNOWN}))
    assert set(outcomes_in(some, name)) == {"rejected", "unknown"}


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.rows])
def test_a_format_of_rows_writes_those_that_it_is_given(run_report: RunReport, name: str) -> None:
    parts = [outcomes_in(run_report, name, [one]) for one in run_report.deliveries()]
    assert parts == [[str(one.outcome)] for one in run_report.deliveries()]


def test_the_formats_of_rows_are_those_that_can_be_split() -> None:
    assert [name for name, form in FORMATS.items() if "deliveries" in _parameters(form)] == [
        name for name, form in FORMATS.items() if form.rows
    ]


def _parameters(form: ReportFormat) -> Collection[str]:
    module, _, function = form.writer.partition(":")
    return inspect.signature(getattr(import_module(f"rokt_export.reports.{module}"), function)).parameters


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_stands_an_empty_a_purged_and_an_unknown_run(tell, journal: Journal, name: str) -> None:
    empty = tell(Run([]))
    assert outcomes_in(empty, name) == []
    whole = tell(Run(every_outcome()))
    journal.purge(whole.run.run)
    purged = RunReport.of(journal, journal.find(whole.run.run))
    lacking = {"invalid": 1} if name == "eml" else {}
    assert Counter(outcomes_in(purged, name)) + Counter(lacking) == whole.counts


FORGED = (
    f"</script></table>{HIDDEN} | tx-9 | x | delivered | 200 | | ||\r\n| 9 | tx-9 | x | delivered | 200 | | |\n"
    '9,tx-9,delivered,200,,,,,1,1,\r\n{"row": 9, "outcome": "delivered"}\n"/></testcase><testcase name="row 9"/>]]>\n'
)
"""What would forge a row of each format, were a text of the file or of the partner written as it is."""


def in_the_open(text: str, name: str) -> str:
    """What a format's file shows: a mail's parts are decoded, and of Parquet the program that reads it decides."""
    match name:
        case "parquet":
            return ""
        case "eml":
            parts = [part for part in message_of(text).walk() if not part.is_multipart()]
            return "\n".join(str(part.get_content()) for part in parts)
        case _:
            return text


@pytest.mark.parametrize("name", FORMATS)
def test_no_text_of_others_forges_a_row_or_steers_what_shows_it(tell, name: str) -> None:
    rows = [exchange(row, post(), answer(422, json.dumps({"error": FORGED}))) for row in (1, 2)]
    run_report = tell(Run([replace(one, transaction=replace(one.transaction, id=f"a | b{FORGED}")) for one in rows]))
    try:
        found: object = outcomes_in(run_report, name)
    except Exception as error:  # noqa: BLE001 - whatever fails, the format cannot be read back
        found = error
    assert found == ["rejected"] * 2, f"{name}: escape each text of a row: see display_text.py"
    steering = {sign for sign in in_the_open(written(run_report, name), name) if not sign.isprintable()} - set("\r\n\t")
    assert not steering, f"{name} writes signs that steer a terminal or an editor: see display_text.py"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_which_rows_it_leaves_out(
    run_report: RunReport, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Listing.of
    monkeypatch.setattr(Listing, "of", classmethod(lambda _cls, told, _most: whole(told, 4)))
    text = " ".join(in_the_open(written(run_report, name), name).split())
    if len(outcomes_in(run_report, name)) < run_report.rows - (name == "eml"):
        said = "4 of 9 rows are listed" in text or "the first 4 rows" in text  # the letter has words of its own
        assert said, f"{name} does not write `Listing.notes`"


OMITTED = {
    "eml": ("it tells the partner of its records, not of our rows", {"transaction", "reason", "error"}),
    "junit": ("a case that passed has no text", {"reference", "status"}),
}
"""What formats do not tell of each row, and why."""


def letters_of(text: str) -> str:
    """A text without what formats escape, each in its own way."""
    return re.sub(r"[\W_]+", "", html.unescape(text))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_each_row_whole(tell, name: str) -> None:
    plain = [one for one in every_outcome() if "|" not in str(one.outcome.reason)]  # some formats have a word for it
    run_report = tell(Run(plain))
    said = letters_of(artefact(run_report, name))
    _, omitted = OMITTED.get(name, ("", set()))
    for one in run_report.deliveries():
        shown = {"reason": one.error or one.reason} | {
            each: getattr(one, each) for each in ("transaction", "reference", "status")
        }
        for field, value in shown.items():
            if field not in omitted and value is not None:
                assert letters_of(str(value)) in said, f"{name} leaves out the {field} of row {one.row}, or cuts it"


NO_TOTALS = {"eml": "it counts what was sent of the chosen rows"} | dict.fromkeys(
    ("csv", "ndjson", "parquet"), "it has one entry a row and nothing else"
)
"""Formats that do not count the outcomes of the whole run, and why."""


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in NO_TOTALS])
def test_every_format_counts_the_outcomes_of_the_whole_run(journal: Journal, name: str) -> None:
    writer = journal.begin(
        command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
    )
    kinds = [OutcomeKind.DUPLICATE] * 1237 + [OutcomeKind.REJECTED] * 1129
    writer.settle([Delivery(row, f"tx-{row}", kind, 400) for row, kind in enumerate(kinds, start=1)], {})
    writer.end(RunState.FINISHED, 1)
    text = written(RunReport.of(journal, journal.find(writer.run), only=frozenset({OutcomeKind.FAILED})), name)
    told = re.findall(r"(?<![\w.])1,?(237|129)(?![\w.])", text)
    assert set(told) == {"237", "129"}, f"{name} does not write `counts`"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "eml"])  # a mail's boundary is random
def test_a_report_is_the_same_wherever_and_whenever_it_is_written(
    run_report: RunReport, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = written(run_report, name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert written(run_report, name) == here, f"{name} depends on the clock, the time zone or the folder"
    finally:
        monkeypatch.undo()
        time.tzset()


NO_FORMATS = {"brief:write": "`report --brief` prints it"}
"""Writers of a run that `--format` does not offer, and why."""


def test_each_writer_of_a_story_is_in_the_registry() -> None:
    found = set()
    for each in pkgutil.iter_modules(reports.__path__, "rokt_export.reports."):
        for name, function in inspect.getmembers(import_module(each.name), inspect.isfunction):
            takes = list(inspect.signature(function).parameters)[:2]
            if function.__module__ == each.name and takes == ["run_report", "stream"] and not name.startswith("_"):
                found.add(f"{each.name.rpartition('.')[2]}:{name}")
    lacking = found - {one.writer for one in FORMATS.values()} - set(NO_FORMATS)
    assert not lacking, f"add to FORMATS of rokt_export/reports/formats.py, or to NO_FORMATS here: {lacking}"


MEASURE = """
import json, re, sys
from pathlib import Path
from rokt_export.journal import Journal
from rokt_export.reports.formats import FORMATS, write_reports
from rokt_export.reports.run_report import RunReport
from rokt_export.response.classify import Classifier
def megabytes(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024
_, few, many, folder, *names = sys.argv
def growth(name):
    write_reports(RunReport.of(one, one.find("last")), [(FORMATS[name], Path(folder, "few"))])
    before = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak (VmHWM) begins anew
    write_reports(RunReport.of(other, other.find("last")), [(FORMATS[name], Path(folder, "many"))])
    return megabytes("VmHWM") - before
with Journal.open(few) as one, Journal.open(many) as other:
    grown = {name: growth(name) for name in names}
    for name in names:
        if grown[name] > 3:  # pages that the system had taken away count as growth when they return
            grown[name] = min(grown[name], growth(name))
print(json.dumps(grown))
"""
"""Writes each report of a short run, then that of a long one, and tells by how many MB the peak grew in between."""


def journal_of(place: Path, rows: int) -> Path:
    """Make a journal with a run of so many rows, the first 400 of them recorded."""
    with Journal.open(place) as journal:
        writer = journal.begin(
            command="replay", partner="acme", environment="staging", spec_file="acme.yaml", spec_sha256="0" * 64
        )
        kept = record(exchange(1, post(b"x" * 1000), answer(201, "y" * 1000)), Redactor()).dump()
        kind = OutcomeKind.DELIVERED
        writer.settle(
            [Delivery(row, f"tx-{row}", kind, 201, "delivered", None, f"A-{row}", None, 1, row % 97 + 20.5, None,
                      STARTED + row, True) for row in range(1, rows + 1)],
            dict.fromkeys(range(1, 401), kept),
        )  # fmt: skip
        journal.note(writer.run, {"spec_text": SPEC})
        writer.end(RunState.FINISHED, 0)
    return place


def test_the_memory_of_a_report_does_not_grow_with_its_rows(tmp_path: Path) -> None:
    few, many = journal_of(tmp_path / "few.db", 2_000), journal_of(tmp_path / "many.db", 25_000)
    names = [name for name in FORMATS if name != "eml"]  # a mail's attachment is built in memory
    command = [sys.executable, "-c", MEASURE, str(few), str(many), str(tmp_path), *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    grown = json.loads(done.stdout)
    # A list of the long run's deliveries takes 6 MB; the page holds a block of recordings at a time, and
    # pyarrow keeps what it took for a group of rows.
    assert {name: most for name, most in grown.items() if most > (12 if name in ("html", "parquet") else 3)} == {}


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

"""The benchmark rig reads what it is shown: its generators, its parsers and its page, without running a tool."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from pathlib import Path

import pytest

from bench import machine, report, tools, workload
from bench.partner import LATENCY, PartnerError, counters
from bench.peers.bruno import bruno_request
from bench.peers.hey import Hey, statuses_of
from bench.peers.k6 import K6, failed_checks
from bench.peers.model import Job, failed, not_all_sent
from bench.peers.newman import postman_collection
from bench.peers.ours import RoktExport
from bench.peers.wrk import complaint_of
from bench.processes import Run, measure
from bench.results import Section, Table, Target, target_at_least, target_at_most
from bench.rig import Measured
from bench.sections.latency import _of_the_machine, share_of
from bench.sections.rate import busiest
from bench.workload import Workload
from rokt_export.exchange.model import OutcomeKind, Response
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.references import attribute_names, variable_names
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.transactions.source_options import SourceOptions
from rokt_export.transactions.sources import open_transactions

_URL = "http://127.0.0.1:8080/fast"


def _run(*, stdout: str = "", exit_status: int = 0, wall: float = 1.0) -> Run:
    return Run(("tool",), exit_status, wall, 1.0, 0, 0, stdout, "")


def test_rows_are_the_same_everywhere(tmp_path: Path) -> None:
    first, second = workload.write_rows(tmp_path / "a.csv", 2500), workload.write_rows(tmp_path / "b.csv", 2500)
    assert first.read_bytes() == second.read_bytes()
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert digest == "40161440c841a3bd38be966112b3cc714180163e1bcfbb4c9b1a92c221aa955c"


def test_rows_are_ten_plain_cells_of_invented_people(tmp_path: Path) -> None:
    with workload.write_rows(tmp_path / "rows.csv", 500).open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == workload.COLUMNS
    assert len(header) == 10
    assert len(rows) == 500
    assert all(len(cells) == 10 and not set('",') & set("".join(cells)) for cells in rows)
    assert len({cells[0] for cells in rows}) == 500
    assert all(cells[1].endswith("@example.com") for cells in rows)


def test_the_file_is_made_once(tmp_path: Path) -> None:
    made = Workload.make(tmp_path, 10)
    made.csv.write_text("as it is")
    assert Workload.make(tmp_path, 10).csv.read_text() == "as it is"


def test_the_spec_does_what_the_peers_do(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_text(workload.spec(_URL))
    spec = load_spec(file).spec
    assert variable_names(spec) == {workload.TOKEN_VARIABLE}
    assert len(spec.responses) == 3
    source = open_transactions(
        [str(workload.write_rows(tmp_path / "rows.csv", 3))], options=SourceOptions(wanted=attribute_names(spec))
    )
    request = Renderer(spec, "staging", {workload.TOKEN_VARIABLE: workload.TOKEN}).render(next(iter(source)))
    assert json.loads(request.body or b"") == workload.first_row()
    assert len(workload.first_row()) == 8
    assert request.header("Authorization") == f"Bearer {workload.TOKEN}"
    classify = Classifier(spec.responses).classify
    created = classify(Response(200, body=b'{"status":"created","id":"7-1"}'))
    assert (created.kind, created.reference) == (OutcomeKind.DELIVERED, "7-1")
    assert classify(Response(409, body=b'{"status":"exists"}')).kind is OutcomeKind.DUPLICATE
    assert classify(Response(200, body=b"{}")).kind is OutcomeKind.UNCLASSIFIED


def test_k6s_checks_are_read() -> None:
    checks = {"type": "rate", "contains": "default", "values": {"rate": 0.9996, "passes": 4998, "fails": 2}}
    summary = json.dumps(
        {"checks": checks, "http_reqs": {"type": "counter", "values": {"count": 5000, "rate": 5052.1}}}
    )
    assert failed_checks(summary) == 2
    with pytest.raises(ValueError, match="not a summary"):
        failed_checks('{"http_reqs": {}}')


def test_k6_reads_the_rows_and_checks_the_body(tmp_path: Path) -> None:
    job = Job(Workload.make(tmp_path, 20), _URL, 64)
    start = K6("/opt/k6").start(job)
    script = Path(start.command[-1]).read_text()
    assert "iterations: 20" in script
    assert "vus: 20" in script  # no more than there is to do
    assert str(job.workload.csv) in script
    assert all(f"{name}: row.{column}" in script for name, column in workload.BODY.items())
    assert "--no-usage-report" in start.command


def test_heys_statuses_are_read() -> None:
    text = """
Summary:
  Total:\t0.4449 secs
  Requests/sec:\t11220.5

Status code distribution:
  [200]\t4990 responses
  [503]\t2 responses
"""
    assert statuses_of(text) == {200: 4990, 503: 2}


def test_hey_sends_whole_shares_only(tmp_path: Path) -> None:
    job = Job(Workload.make(tmp_path, 100), _URL, 64)
    run = _run(stdout="  [200]\t64 responses\n")
    assert Hey("hey").problem(run, 64, job) is None
    assert Hey("hey").problem(run, 63, job) is not None


def test_wrks_complaints_are_read() -> None:
    clean = "Running 2s test @ http://127.0.0.1:8080/fast\n  125880 requests in 2.00s, 25.57MB read\n"
    assert complaint_of(clean) is None
    assert complaint_of(clean + "  Socket errors: connect 0, read 3, write 0, timeout 0\n") is not None
    assert complaint_of(clean + "  Non-2xx or 3xx responses: 12\n") == "Non-2xx or 3xx responses: 12"


def test_postman_and_bruno_name_every_column() -> None:
    raw = postman_collection(_URL)["item"][0]["request"]["body"]["raw"]
    assert set(json.loads(raw)) == set(workload.BODY)
    request = bruno_request(_URL)
    assert all(f"{{{{{column}}}}}" in raw and f"{{{{{column}}}}}" in request for column in workload.BODY.values())
    assert request.count("{") == request.count("}")


def test_a_replay_starts_with_a_new_journal(tmp_path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"journal.sqlite{suffix}").write_text("of the run before")
    start = RoktExport(2, rate="500/s").start(Job(Workload.make(tmp_path, 5), _URL, 64))
    assert not list(tmp_path.glob("journal.sqlite*"))
    assert start.command[start.command.index("--workers") + 1] == "2"
    assert start.command[start.command.index("--rate") + 1] == "500/s"
    assert workload.TOKEN not in " ".join(start.command)


def test_nginxs_counters_are_read() -> None:
    text = (
        "Active connections: 65 \nserver accepts handled requests\n 96 96 5012 \nReading: 0 Writing: 1 Waiting: 64 \n"
    )
    found = counters(text)
    assert (found.connections, found.requests) == (96, 5012)
    with pytest.raises(PartnerError):
        counters("<html>404</html>")


def test_a_missing_peer_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_options: None)
    monkeypatch.setattr(tools, "home", lambda: tmp_path)
    for name, wanted in {"hey": "no apt-get", "wrk": "no apt-get", "newman": "npm", "bruno": "npm"}.items():
        found = tools.find.__wrapped__(name)
        assert isinstance(found, tools.Missing)
        assert wanted in found.reason


def test_the_file_system_of_a_folder_is_named(tmp_path: Path) -> None:
    assert machine.file_system(tmp_path)
    if Path("/proc/mounts").exists():
        assert machine.file_system(Path("/proc")) == "proc"


def test_rows_that_were_not_sent_are_noticed() -> None:
    assert not_all_sent(5000, 5000) is None
    assert "4,999" in str(not_all_sent(4999, 5000))


@pytest.mark.parametrize(
    ("times", "most"),
    [([], 0), ([1.0], 1), ([0.0, 0.099, 0.1], 2), ([1.7e9, 1.7e9 + 0.05, 1.7e9 + 0.099, 1.7e9 + 0.198], 3)],
)
def test_the_busiest_window_begins_anywhere(times: list[float], most: int) -> None:
    assert busiest(times, 0.1) == most


def test_a_share_of_one_is_every_place_taken_all_the_time() -> None:
    waves, in_flight = 20, 256
    measured = Measured(_run(wall=2.0), waves * in_flight, in_flight, (waves - 1) * LATENCY, None)
    assert share_of(measured, in_flight) == pytest.approx(1.0)


def test_targets_are_held_missed_or_unmeasured() -> None:
    assert target_at_least("p", 1.5, 1.5).held is True
    assert target_at_least("p", 1.5, 1.49).verdict == "MISSED"
    assert target_at_most("p", 120, 121.0, " MB") == Target("p", "121.00 MB", False)
    assert target_at_most("p", 120, None).verdict == "not measured"


def test_a_command_is_measured_with_its_children(tmp_path: Path) -> None:
    child = "x = bytearray(60_000_000); import time; time.sleep(0.3)"
    parent = f"import subprocess, sys; print('begun'); subprocess.run([sys.executable, '-S', '-c', {child!r}])"
    run = measure([sys.executable, "-S", "-c", parent], folder=tmp_path, timeout=30)
    assert (run.exit_status, run.stdout) == (0, "begun\n")
    assert 0.3 <= run.wall < 30
    if Path("/proc/self/status").exists():
        assert run.peak > 60_000_000
        assert run.peak_together > run.peak


def test_a_run_says_what_went_wrong() -> None:
    assert failed(_run()) is None
    assert failed(Run(("tool",), 3, 1.0, 1.0, 0, 0, "", "where: what\n")) == "exit status 3: where: what"
    assert failed(_run(exit_status=-9)) == "exit status -9: it said nothing"


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    run = measure([sys.executable, "-S", "-c", "import time; time.sleep(60)"], folder=tmp_path, timeout=0.1)
    assert run.exit_status == -9


def test_the_page_keeps_what_was_written_by_hand(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    section = Section(
        "profile",
        "Where a row's time goes",
        "How.",
        [Table("CPU per row", ("Step", "us"), [("a|b", "3.4")])],
        [Target("fast", "2.00 x", True)],
        ["hey is missing: no root", "again", "again"],
        ["k6 run replay.js"],
    )
    report.write(page, [section], [("Python", "3.11")], "python -m bench")
    first = page.read_text()
    assert "| a\\|b | 3.4 |" in first
    assert "| fast | 2.00 x | held |" in first
    assert "- again (2 times)" in first
    kept = f"{report.NOTES_BEGIN}\nWhat the figures mean.\n{report.NOTES_END}"
    page.write_text(first.replace(report.notes_of(first), kept))
    report.write(page, [section], [("Python", "3.11")], "python -m bench")
    assert kept in page.read_text()
    assert page.read_text().count(report.NOTES_BEGIN) == 1
    assert [path.name for path in page.parent.iterdir()] == ["benchmarks.md"]


def test_a_slow_machine_is_told_from_a_slow_tool() -> None:
    assert list(_of_the_machine({"k6": 0.7, "hey": 0.97, "wrk": 0.99}, 256, 0.95)) == []
    (told,) = _of_the_machine({"k6": 0.2, "hey": 0.696, "wrk": 0.942}, 1000, 0.85)
    assert told.startswith("With 1,000 in flight this machine is at its own limit: hey 69.6% of what")

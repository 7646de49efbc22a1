"""One row's exchange on a terminal: what was sent, what came, when, and how each rule met it."""

from __future__ import annotations

from msgspec.structs import replace

from reports.test_console import printed
from rokt_export.exchange.model import Timings
from rokt_export.reports.exchange_view import exchange, timing_line
from rokt_export.reports.run_report import RunReport


def test_a_recorded_row_is_shown_whole(run_report: RunReport) -> None:
    one = next(one for one in run_report.deliveries() if one.row == 2)
    recording = run_report.recording(2)
    assert recording is not None
    shown = printed(exchange, one, recording, run_report.explain(recording), notes=["the document differs"], width=120)
    for part in ("row 2  tx-2  ≈ duplicate", "POST /leads", "$ACME_TOKEN", "HTTP/1.1 409", '"error": "exists"',
                 "1 attempt, sent 2026-", "duplicate: ", "the document differs"):  # fmt: skip
        assert part in shown, part
    assert "s3cr3t" not in shown


def test_a_row_without_a_recording_says_why(run_report: RunReport) -> None:
    one = next(one for one in run_report.deliveries() if one.row == 3)
    shown = printed(exchange, one, None, None, missing="it was not recorded", width=120)
    assert "row 3  tx-3  ✗ rejected  =cmd" in shown
    assert "no request and response: it was not recorded" in shown


def test_a_line_of_timings_names_the_phases_that_there_were(run_report: RunReport) -> None:
    one = next(iter(run_report.deliveries()))
    line = timing_line(replace(one, attempts=2), Timings(0.0, 0.003, 0.0, 0.040, 0.045))
    assert line.startswith("2 attempts, first sent 2026-11-23 02:13:21.250 UTC: ")
    assert line.endswith(": connected 3.0 ms, first byte 40 ms, end 45 ms")
    assert timing_line(replace(one, attempts=0), Timings(0.0, 0.0, 0.0, 0.0, 0.0)) == ""

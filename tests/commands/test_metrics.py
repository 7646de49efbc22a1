"""`--metrics`: a file that is written anew while a run lasts, or a collector."""

from __future__ import annotations

import gzip
import socket
import stat
import time
import zlib

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from reports.metrics_text import samples

from commands import replays
from commands.conftest import PATIENCE, Partner, clear, interrupt, serve, wait_for
from rokt_export.reports.metrics import BUCKETS

five = replays.five


@pytest.mark.parametrize("workers", [1, 2])
def test_the_metrics_file_counts_by_outcome_rule_and_status(cli, spec, five, workers):
    assert cli.process("replay", spec, five, "--metrics", "acme.prom", "--workers", workers).status == 1
    path = cli.folder / "acme.prom"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    found = samples(path.read_text())
    assert found["rows_total", "outcome=delivered,rule=delivered,status=200"] == 4
    assert found["rows_total", "outcome=rejected,rule=rejected,status=400"] == 1
    assert (found["attempts_total", ""], found["in_flight", ""], found["input_rows", ""]) == (5, 0, 5)
    assert (found["finished", ""], found["exit_status", ""], found["waiting", ""]) == (1, 1, 0)
    assert found["latency_seconds_bucket", "le=+Inf"] == found["latency_seconds_count", ""] == 5
    assert 0 < found["latency_seconds_sum", ""] < 60
    assert found["journal_seconds_total", ""] > 0
    again = cli("replay", spec, five, "--metrics", "acme.prom")
    assert again.status == 1
    assert [each.name for each in cli.folder.glob(".*.tmp")] == []


def test_what_cannot_take_metrics_is_named_before_anything_is_sent(cli, spec, five, partner):
    clear(cli("replay", spec, five, "--metrics", "gone/acme.prom"), 2, "this folder does not exist")
    clear(cli("replay", spec, five, "--metrics", "/dev/null"), 2, "metrics need a plain file")
    (cli.folder / "link.prom").symlink_to("other")
    (cli.folder / "other").write_text("")
    clear(cli("replay", spec, five, "--metrics", "link.prom"), 2, "metrics need a plain file")
    assert partner.heard == []


def test_a_collector_gets_the_same_by_otlp(cli, spec, five):
    collector = Partner(answer=lambda _: (200, {"Content-Type": "application/x-protobuf"}, b""))
    server = serve(collector)
    try:
        assert cli("replay", spec, five, "--metrics", collector.url).status == 1
    finally:
        server.shutdown()
        server.server_close()
    heard = collector.heard[-1]
    assert (heard.method, heard.target) == ("POST", "/v1/metrics")
    (data,) = ExportMetricsServiceRequest.FromString(unpacked(dict(heard.headers), heard.body)).resource_metrics
    about = {each.key: each.value.string_value for each in data.resource.attributes}
    assert about["service.name"] == "rokt-export" and about["rokt_export.partner"] == "acme"
    metrics = {each.name: each for each in data.scope_metrics[0].metrics}
    rows = {
        tuple(label.value.string_value for label in point.attributes): point.as_double
        for point in metrics["rokt_export_rows"].sum.data_points
    }
    assert rows == {("delivered", "delivered", "200"): 4, ("rejected", "rejected", "400"): 1}
    assert metrics["rokt_export_rows"].sum.is_monotonic
    (latency,) = metrics["rokt_export_latency_seconds"].histogram.data_points
    assert (latency.count, list(latency.explicit_bounds)) == (5, list(BUCKETS))


def unpacked(headers: dict[str, str], body: bytes) -> bytes:
    match headers.get("Content-Encoding"):
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case _:
            return body


def test_a_collector_that_is_not_there_stops_nothing(cli, spec, five):
    done = cli("replay", spec, five, "--metrics", "http://127.0.0.1:9")
    assert done.status == 1
    assert done.err.count("the run goes on without") == 1
    assert cli("runs", "list", "--output", "json").json[0]["counts"] == {"delivered": 4, "rejected": 1}


def test_ctrl_c_twice_waits_for_no_collector(cli, spec, five, partner):
    partner.answer = lambda _: (200, {}, b"{}")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = cli.start("replay", spec, five, "--metrics", f"http://127.0.0.1:{silent.getsockname()[1]}")
        wait_for(lambda: len(partner.heard) == 5)
        time.sleep(0.5)  # it has ended the run, and waits for the collector
        for _ in range(2):
            interrupt(running)
            time.sleep(0.1)
        asked = time.monotonic()
        running.communicate(timeout=PATIENCE)
    assert time.monotonic() - asked < 1

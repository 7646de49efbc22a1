"""Runs that a machine watches: the log as JSON, metrics as a file and to a collector."""

from __future__ import annotations

import gzip
import json
import re
import socket
import stat
import time
import zlib

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from commands.conftest import PATIENCE, Partner, clear, interrupt, serve, wait_for
from commands.replays import people, refusing
from rokt_export.delivery.run_counts import Latencies, Tally
from rokt_export.reports.metrics import BUCKETS, BucketHistogram, Snapshot, prometheus

OF_RUN = {"run", "partner", "environment", "command"}
SAMPLE = re.compile(r'^(rokt_export_\w+)\{((?:\w+="(?:[^"\\\n]|\\.)*",?)*)\} (\S+)$')


def log_of(text: str) -> list[dict]:
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(list(line)[:5] == ["time", "level", "run", "event", "message"] for line in lines)
    return lines


def samples(text: str) -> dict[tuple[str, str], float]:
    """The samples of a Prometheus text, each line of which must be one, or a comment."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("# "):
            match = SAMPLE.match(line)
            assert match is not None, line
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2]))
            assert labels.keys() >= OF_RUN
            rest = ",".join(
                f"{k}={v}" for k, v in labels.items() if k not in ("run", "partner", "environment", "command")
            )
            found[match[1].removeprefix("rokt_export_"), rest] = float(match[3])
    return found


@pytest.fixture
def five(cli, partner):
    partner.answer = refusing(3)
    return cli.write("rows.csv", people(1, 2, 3, 4, 5))


@pytest.mark.parametrize("workers", [1, 2])
def test_each_line_of_the_log_is_an_object_with_the_run(cli, spec, five, workers):
    flags = ("--log-format", "json", "--output", "ndjson", "--workers", workers, "--verbose")
    done = cli.process("replay", spec, five, *flags)
    assert done.status == 1
    run = cli("runs", "list", "--output", "json").json[0]["run"]
    lines = log_of(done.err)
    ids = [line["run"] for line in lines]
    first = ids.index(run)
    assert set(ids[:first]) == {None}
    assert set(ids[first:]) == {run}
    assert any("row 3: POST" in line["message"] for line in lines)
    (end,) = [line for line in lines if line["event"] == "finished"]
    assert (end["reason"], end["exit_status"], end["outcomes"]) == ("complete", 1, {"delivered": 4, "rejected": 1})


def test_errors_and_findings_are_lines_too(cli, spec, five):
    lines = log_of(cli("replay", spec, "gone.csv", "--log-format=json").err)
    assert (lines[-1]["event"], lines[-1]["exit_status"]) == ("error", 3)
    assert "gone.csv" in str(lines[-1]["where"]) + lines[-1]["message"]
    cli.write("bad.yaml", spec.read_text().replace("encoding: json", "encoding: jsn"))
    lines = log_of(cli("replay", "bad.yaml", five, "--log-format", "json").err)
    assert {"event": "finding", "level": "error", "run": None}.items() <= lines[0].items()
    assert lines[0]["where"].startswith("bad.yaml:") and lines[0]["code"].startswith("RX")
    lines = log_of(cli("replay", spec, five, "--log-format", "json", "--rate", "fast").err)
    assert (lines[-1]["event"], lines[-1]["remedy"]) == ("error", "Write a rate as 10/s or 600/m.")
    lines = log_of(cli("replay", spec, five, "--log-format", "json", "--no-such-flag").err)
    assert lines[-1]["exit_status"] == 2
    clear(cli("replay", spec, five, "--log-format", "xml"), 2, "--log-format", "json")


def test_a_secret_is_no_more_in_the_log_than_elsewhere(cli, partner, rows):
    text = spec_with_token(partner)
    cli.write("acme.yaml", text)
    partner.answer = lambda heard: (500, {}, str(heard.headers).encode())
    done = cli("replay", "acme.yaml", rows, "--log-format", "json", "--verbose", env={"TOKEN": 'k"é\\c0nf1dential'})
    assert log_of(done.err)
    assert "c0nf1dential" not in done.err


def spec_with_token(partner: Partner) -> str:
    from commands.conftest import spec_text

    return spec_text(partner.url, authentication="{type: bearer, token: '{{ env.TOKEN }}'}")


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


def test_metrics_escape_labels_and_sum_buckets():
    latencies = Latencies()
    latencies.update([3.0, 40.0, 40.0, 60_000.0])
    histogram = BucketHistogram.of(latencies)
    assert (histogram.counts[0], histogram.counts[BUCKETS.index(0.05)], histogram.counts[-1]) == (1, 2, 1)
    assert histogram.sum == pytest.approx(60.083, rel=0.01)
    tally = Tally()
    tally.responses[("rejected", 'a "b"\\\n', "none")] += 2
    text = prometheus(Snapshot({"run": "r", "partner": "p", "environment": "e", "command": "replay"}, tally, None, 1.0))
    assert 'rule="a \\"b\\"\\\\\\n",status="none"} 2' in text
    assert samples(text)["start_time_seconds", ""] == 1
    assert not any(name in ("input_rows", "exit_status") for name, _ in samples(text))


def test_what_cannot_take_metrics_is_named_before_anything_is_sent(cli, spec, five, partner):
    clear(cli("replay", spec, five, "--metrics", "gone/acme.prom"), 2, "this folder does not exist")
    clear(cli("replay", spec, five, "--metrics", "/dev/null"), 2, "metrics need a plain file")
    (cli.folder / "link.prom").symlink_to("other")
    (cli.folder / "other").write_text("")
    clear(cli("replay", spec, five, "--metrics", "link.prom"), 2, "metrics need a plain file")
    assert partner.heard == []


@pytest.mark.parametrize(
    "words",
    [
        ("replay", "SPEC", "ROWS", "--metrics", "http://me:hush@127.0.0.1:1"),
        ("replay", "SPEC", "ROWS", "--metrics", "http://me:hush@[::1/?api_key=hush"),
        ("replay", "SPEC", "http://me:hush@127.0.0.1:1/rows.csv"),
        ("replay", "SPEC", "ROWS", "--sandbox-url", "http://me:hush@127.0.0.1:1"),
        ("runs", "list", "--journal", "postgresql://me:hush@127.0.0.1:1/x?sslpassword=hush"),
        ("replay", "SPEC", "ROWS", "--report", "http://me:hush@127.0.0.1/run.html"),
        ("replay", "SPEC", "ROWS", "--out", "http://me:hush@127.0.0.1/run.csv"),
        ("replay", "SPEC", "ROWS", "--openapi", "http://me:hush@127.0.0.1:1/api.json?api_key=hush"),
        ("init", "--openapi", "http://me:hush@127.0.0.1:1/api.json?api_key=hush"),
    ],
    ids=lambda words: " ".join(words[:4]),
)
@pytest.mark.parametrize("log", ["text", "json"])
def test_credentials_in_a_url_of_the_command_line_are_not_shown(cli, spec, five, words, log):
    given = {"SPEC": spec, "ROWS": five}
    flags = ("--log-format", log) if words[0] == "replay" else ()
    done = cli(*(given.get(word, word) for word in words), *flags)
    assert done.status != 0
    assert ("hush" in done.out, "hush" in done.err, "Traceback" in done.err) == (False, False, False), done.err


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

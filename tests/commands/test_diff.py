"""`diff` through the real command line: planted changes and nothing else, every form, nothing half-done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.commands.compared_sides import BETWEEN, CONFIRMED, JSON, SPEC, answered, found, leads, people
from tests.commands.conftest import CommandLine, Heard, Partner, clear, interrupt, spec_text

FINDINGS, USAGE = 1, 2
ROWS = 1_000

ECHO = """
import json, random, sys, time, uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = {
            "ok": True, "id": str(random.randrange(10**9)), "trace": str(uuid.uuid4()), "at": time.time(),
            "created": datetime.now(UTC).isoformat(), "token": "%016x" % random.getrandbits(64),
            "you": {"said": sent, "shouted": sent["email"].upper()}, "node": f"web-{random.randrange(3)}",
            "self": f"http://{self.headers['Host']}{self.path}/1", "points": 5,
        }
        body = json.dumps(told).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@contextmanager
def served(process: subprocess.Popen[str]) -> Iterator[str]:
    """The URL that a server of its own process prints first; it is ended by its id."""
    with process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            interrupt(process)
            process.communicate(timeout=10)


# --- what must show


def test_two_sandboxes_one_with_three_planted_changes(cli: CommandLine) -> None:
    text = SPEC.format(url="https://example.com")
    changed = text.replace('"points": 5, "list"', '"points": "5", "tier": 1, "list"')
    changed = changed.replace("attribute: confirmationref}", "attribute: confirmationref, max_length: 8}")
    spec, other = cli.write("acme.yaml", text), cli.write("changed.yaml", changed)
    rows = cli.write("rows.csv", people(ROWS, long=10))
    report = cli.folder / "differences.html"
    with ExitStack() as stack:
        sandboxes = (
            cli.start("sandbox", spec, "--port", 0),
            cli.start("sandbox", other, "-e", "production", "--port", 0),
        )
        urls = [stack.enter_context(served(one)) for one in sandboxes]
        flags = [word for url in urls for word in ("--sandbox-url", url)]
        done = cli("diff", spec, rows, *BETWEEN, *flags, "--output", "json", "--report", report)
    rejected = ROWS // 10
    assert done.status == FINDINGS, done.err
    assert found(done) == [
        ("outcome", "outcome", rejected, "delivered → rejected"),
        ("extra", "$.tier", ROWS - rejected, ""),
        ("type", "$.points", ROWS - rejected, "number → string"),
    ]
    assert (done.json["pairs"], done.json["explained"]) == (ROWS, rejected)
    assert "3 kinds of difference between staging and production, in" in report.read_text(encoding="utf-8")


def test_an_echoing_partner_that_did_not_change_gives_an_empty_diff(cli: CommandLine) -> None:
    rows = cli.write("rows.csv", people(ROWS))
    echoing = subprocess.Popen(
        [sys.executable, "-c", ECHO], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with served(echoing) as url:
        spec = cli.write("acme.yaml", SPEC.format(url=url))
        done = cli("diff", spec, rows, *CONFIRMED, "--output", "json")
    assert done.status == 0, done.out
    assert (found(done), done.json["pairs"], done.json["bodies"]) == ([], ROWS, ROWS)


# --- the spec's `diff:`, and what is learned


def test_learning_shows_what_it_declares_and_keeps_comments(cli: CommandLine, acme: Path, partner: Partner) -> None:
    forty = cli.write("forty.csv", people(40))
    numbers = iter(range(10_000))
    partner.answer = lambda heard: (201, JSON, json.dumps(
        {"ok": True, "lead": f"lead-{next(numbers) ** 2 * 7919 % 100_003:05}", "points": 5}
    ).encode())  # fmt: skip
    before = acme.read_text(encoding="utf-8")
    assert cli("diff", acme, forty, *CONFIRMED, "--strict").status == FINDINGS
    first = cli("diff", acme, forty, *CONFIRMED, "--again", "--learn", "--output", "json")
    assert (first.status, [one["path"] for one in first.json["undecided"]]) == (0, ["$.lead"]), first.out
    offline = first.err.partition("to compare them by this one: rokt-export ")[2].split()
    assert offline[:2] == ["diff", str(acme)] and cli(*offline, "--output", "json").json["undecided"] == []
    assert "under `diff: varies:`" in first.err
    assert "$.lead: lead-…" in first.err
    after = acme.read_text(encoding="utf-8")
    assert after.replace('diff:\n  varies:\n    $.lead: "lead-…"\n', "") == before
    assert "# theirs, up to 20 characters" in after
    again = cli("diff", acme, forty, *CONFIRMED, "--again", "--strict", "--output", "json")
    assert (again.status, again.json["undecided"], again.json["varying"]) == (0, [], {"$.lead": 40})
    partner.answer = lambda heard: answered(heard, lead="none") if "production" in heard.target else leads(heard)
    changed = cli("diff", acme, forty, *CONFIRMED, "--again", "--output", "json")
    assert ("extra", "$.lead") in [one[:2] for one in found(changed)]


def test_a_few_transactions_are_too_few_to_learn_from(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    before = acme.read_text(encoding="utf-8")
    done = cli("diff", acme, twenty, *CONFIRMED, "--learn")
    assert done.status == USAGE
    assert "20 transactions are too few to learn from" in done.err
    assert "40 transactions or more" in done.err
    assert acme.read_text(encoding="utf-8") == before


def test_one_row_is_enough_for_certain_differences(cli: CommandLine, acme: Path, partner: Partner) -> None:
    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        points = "5" if "production" in heard.target else 5
        return 201, JSON, json.dumps({"ok": True, "id": str(len(heard.target) * 10**8), "points": points}).encode()

    partner.answer = answer
    done = cli("diff", acme, cli.write("rows.csv", people(1)), *CONFIRMED)
    assert done.status == FINDINGS
    assert "1 kind of difference between staging and production, in 1 of 1 row; 1 field not judged: id." in done.out
    assert "Field points is a number in staging but text in production, in 1 of 1 row." in done.out


def test_responses_larger_than_the_limit_on_both_sides_are_no_agreement(
    cli: CommandLine, acme: Path, partner: Partner
) -> None:
    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        end = "b" if "production" in heard.target else "a"
        return 201, JSON, json.dumps({"ok": True, "id": "1", "text": "x" * 10_000_000, "end": end}).encode()

    partner.answer = answer
    done = cli("diff", acme, cli.write("rows.csv", people(2)), *CONFIRMED)
    assert done.status == FINDINGS
    assert "2 rows got no whole response from either side: unknown." in " ".join(done.out.split())


# --- forms


def test_every_form_of_the_result(cli: CommandLine, acme: Path, twenty: Path, partner: Partner) -> None:
    partner.answer = lambda heard: answered(heard, points="5")
    paths = [cli.folder / f"differences.{suffix}" for suffix in ("html", "md", "json")]
    reports = [word for path in paths for word in ("--report", path)]
    done = cli("diff", acme, twenty, *CONFIRMED, *reports)
    assert done.status == FINDINGS
    assert done.out.startswith("1 kind of difference between staging and production, in all 20 rows.")
    page, letter, data = (path.read_text(encoding="utf-8") for path in paths)
    for form in (done.out, page, letter):
        for words in ("$.points", "a number in staging but text in production", "20 rows", "R-000000"):
            assert words in form
    assert json.loads(data) == cli(
        "diff", "--runs", *reversed([one["run"] for one in cli("runs", "list", "--output", "json").json]),
        "--output", "json",
    ).json  # fmt: skip
    assert "diff --runs" in done.err


def test_sixty_columns_are_enough(cli: CommandLine, acme: Path, twenty: Path, partner: Partner) -> None:
    partner.answer = lambda heard: answered(heard, points="a long text of a partner " * 20)
    done = cli("diff", acme, twenty, *CONFIRMED, env={"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"})
    assert max(map(len, done.out.splitlines())) <= 60


# --- bad input


BODIES = {
    "ten megabytes": (b'{"ok": true, "pad": "' + b"x" * 9_900_000 + b'"}', JSON, "it was cut when it was recorded"),
    "more than ten": (b'{"ok": true, "pad": "' + b"x" * 10_000_000 + b'"}', JSON, "but unknown in production"),
    "binary": (b"\x89PNG\0\x01\x02", {"Content-Type": "image/png"}, "unclassified"),
    "broken": (b'{"ok": true, "id": "1"', JSON, "unclassified"),
}


@pytest.mark.parametrize("case", BODIES)
def test_odd_bodies_on_one_side(cli: CommandLine, twenty: Path, partner: Partner, case: str) -> None:
    body, headers, words = BODIES[case]
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url))
    partner.answer = lambda heard: (200, headers, body) if "production" in heard.target else answered(heard)
    done = cli("diff", spec, twenty, "--count", 2, *CONFIRMED)
    assert "Traceback" not in done.err
    assert done.status == FINDINGS or case == "ten megabytes", done.err
    assert words in done.out, done.out


@pytest.mark.parametrize("spoilt, kind", [(b'{"id": "1"', "format"), (b"\x89PNG\0\x01\x02", "format"), (b"", "format")])
def test_a_body_of_another_form_on_one_side(
    cli: CommandLine, partner: Partner, twenty: Path, spoilt: bytes, kind: str
) -> None:
    spec = cli.write("acme.yaml", spec_text(partner.url))
    partner.answer = lambda heard: (200, JSON, spoilt if "production" in heard.target else b'{"id": "1"}')
    done = cli("diff", spec, twenty, *CONFIRMED, "--output", "json")
    assert done.status == FINDINGS
    assert [one["kind"] for one in done.json["differences"]] == [kind]


UNWRITABLE = {
    "no folder": ("gone/differences.html", "this folder does not exist"),
    "a folder": (".", "no diff report with the suffix"),
    "a folder with a suffix": ("folder.html", "this is a folder"),
    "a spreadsheet": ("differences.csv", "no diff report with the suffix `.csv`"),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_a_report_that_cannot_be_written_is_told_before_anything_is_sent(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, case: str
) -> None:
    path, words = UNWRITABLE[case]
    (cli.folder / "folder.html").mkdir()
    clear(cli("diff", acme, twenty, *CONFIRMED, "--report", path), USAGE, words)
    assert partner.heard == []


def test_a_full_disk_leaves_no_report_and_loses_no_result(
    cli: CommandLine, acme: Path, twenty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = cli.folder / "good.md", cli.folder / "bad.html"
    good.write_text("the old one")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = cli("diff", acme, twenty, *BETWEEN, "--sandbox", "--report", good, "--report", bad)
    assert done.status == USAGE
    assert "No space left on device" in done.err
    assert done.out.startswith("No differences found in 20 rows")
    assert good.read_text() == "the old one"
    assert not bad.exists()
    assert [path.name for path in cli.folder.iterdir() if path.name.startswith(".")] == []


SLIPS = {
    "both": ((*BETWEEN, "--runs", "a", "b"), "use --between for two environments, or --runs for two runs"),
    "rows": ((*BETWEEN, "--output", "csv"), "differences are not rows"),
    "twice": (("--between", "staging", "staging"), "would receive every transaction twice"),
    "no such environment": (("--between", "staging", "live"), "no environment `live`"),
    "a beginning of an environment": (("--between", "staging", "prod"), "Did you mean `production`?"),
    "one sandbox": ((*BETWEEN, "--sandbox-url", "http://127.0.0.1:1"), "once for each side"),
    "a sandbox elsewhere": (
        (*BETWEEN, "--sandbox-url", "http://192.0.2.1", "--sandbox-url", "http://127.0.0.1:1"), "not a sandbox",
    ),
    "files for runs": (("--runs", "a", "b"), "compared from the journal, without files"),
}  # fmt: skip


@pytest.mark.parametrize("case", SLIPS)
def test_slips_of_the_pen(cli: CommandLine, acme: Path, twenty: Path, partner: Partner, case: str) -> None:
    arguments, words = SLIPS[case]
    done = cli("diff", acme, twenty, *arguments)
    clear(done, USAGE, words)
    assert "--environment" not in done.err
    assert partner.heard == []
    assert cli("runs", "list", "--output", "json").json == []


def test_what_cannot_be_named_is_told(cli: CommandLine, acme: Path) -> None:
    clear(cli("diff"), USAGE, "use --between for two environments, or --runs for two runs")
    clear(cli("diff", *BETWEEN), USAGE, "no spec is named")
    clear(cli("diff", "--runs", "a", "b", "--learn"), USAGE, "needs a spec to write into")
    clear(cli("diff", "--runs", "a", "b"), USAGE, "no run is called `a`")
    clear(cli("diff", acme, "-", *BETWEEN, "--sandbox"), USAGE, "stdin can be read only once")

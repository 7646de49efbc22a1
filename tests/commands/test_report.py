"""`report` and `--report` through the real command line: formats agree, and a copied command sends the same again."""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
import os
import shlex
import shutil
import subprocess
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rokt_export.delivery.run_counts import RunFigures
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import Journal
from rokt_export.reports.formats import FORMATS
from rokt_export.reports.run_report import RunReport
from tests.commands.conftest import ROOT, CommandLine, Heard, Partner, clear, interrupt, spec_text, wait_for

FINDINGS, USAGE, JOURNAL = 1, 2, 5
TEXT_FORMATS = [name for name, each in FORMATS.items() if not each.binary]
KEY = "a+b %:/\"<é'\\$`!&"


class Scripts(HTMLParser):
    """The packed parts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[Any]] = []
        self.entries: list[dict[str, Any]] = []
        self._open: dict[str, str | None] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = dict(attributes) if tag == "script" else {}

    def handle_endtag(self, _tag: str) -> None:
        self._open = {}

    def handle_data(self, data: str) -> None:
        if self._open.get("id") == "rows":
            self.rows = [json.loads(line) for line in zlib.decompress(b64decode(data)).splitlines()]
        elif self._open.get("class") == "block":
            self.entries += json.loads(zlib.decompress(b64decode(data)))["entries"]


def attached(text: str) -> str:
    message = email.message_from_string(text, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    found: str = next(message.iter_attachments()).get_content()
    return found


def of_csv(text: str) -> list[str]:
    return [row["outcome"] for row in csv.DictReader(io.StringIO(text, newline=""))]


def of_junit(text: str) -> list[str]:
    cases = ElementTree.fromstring(text).iter("testcase")
    return [case[0].attrib["type"] if len(case) else "delivered" for case in cases]


def of_markdown(text: str) -> list[str]:
    table = text.partition("## Every delivery")[2].strip().splitlines()[2:]
    return [line.split(" | ")[3] for line in table]


KINDS = [str(kind) for kind in OutcomeKind]
OUTCOMES: dict[str, Callable[[str], list[str]]] = {
    "csv": of_csv,
    "ndjson": lambda text: [json.loads(line)["outcome"] for line in text.splitlines()],
    "json": lambda text: [one["outcome"] for one in json.loads(text)["deliveries"]],
    "har": lambda text: [one["_delivery"]["outcome"] for one in json.loads(text)["log"]["entries"]],
    "junit": of_junit,
    "markdown": of_markdown,
    "eml": lambda text: of_csv(attached(text)),
    "html": lambda text: [KINDS[row[2]] for row in Scripts(text).rows],
}


def outcomes_in(name: str, text: str) -> list[str]:
    """The outcome of each delivery, as a report of a format has it."""
    assert name in OUTCOMES, f"add to OUTCOMES of tests/commands/test_report.py how to read the format {name}"
    return OUTCOMES[name](text)


def mixed(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    """Answer each person differently, by the number in the e-mail address."""
    number = int(json.loads(heard.body)["email"].split("@")[0].rpartition(".")[2])
    answers = [(200, b'{"id": "A-%d"}' % number), (409, b"{}"), (422, b'{"message": "no | `zip`"}'), (500, b"down"),
               (302, b"moved")]  # fmt: skip
    status, body = answers[number % len(answers)]
    return status, {"Content-Type": "application/json"}, body


def rows_of(count: int) -> str:
    """A CSV of people, the third of them without what is required."""
    lines = [f"{'' if n == 2 else f'jane.doe.{n}@example.com'},Jane\n" for n in range(count)]
    return "email,firstname\n" + "".join(lines)


def reports_of(cli: CommandLine, run: str) -> dict[str, str]:
    """Every format of a run, written at once into a folder."""
    folder = cli.folder / "reports"
    folder.mkdir(exist_ok=True)
    flags = [word for name in TEXT_FORMATS for word in ("--format", name)]
    done = cli("report", run, *flags, "--out", folder)
    assert (done.status, done.out) == (0, ""), done.err
    assert done.err.count("report: ") == len(TEXT_FORMATS)
    written = {path.suffix: path.read_bytes().decode() for path in folder.iterdir()}
    assert len(written) == len(TEXT_FORMATS)
    return {name: written[FORMATS[name].suffixes[0]] for name in TEXT_FORMATS}


def check_agreement(cli: CommandLine, run: str, rows: int) -> Counter[str]:
    """Check that each format of a run holds every delivery, and that what was noted is what the journal says.

    A mail to the partner holds what was sent.
    """
    told = {name: outcomes_in(name, text) for name, text in reports_of(cli, run).items()}
    first = told["csv"]
    assert len(first) == rows
    assert told.pop("eml") == [outcome for outcome in first if outcome != "invalid"]
    assert {name: outcomes for name, outcomes in told.items() if outcomes != first} == {}
    with Journal.open(cli.journal) as journal:
        run_report = RunReport.of(journal, journal.find(run))
        counted = RunFigures.of(run_report.deliveries())
        noted = run_report.figures
        assert dict(run_report.counts) == Counter(first)
        for name in ("rows", "attempts", "invented", "rules", "first_sent", "last_sent"):
            assert getattr(noted, name) == pytest.approx(getattr(counted, name)), name
        assert noted.latencies.count == counted.latencies.count
        for share in (0.5, 0.95, 0.99, 1.0):
            assert noted.latencies.percentile(share) == pytest.approx(counted.latencies.percentile(share))
    return Counter(first)


# --- every format of one run


def test_every_format_agrees_on_a_run_with_every_outcome(cli: CommandLine, spec: Path, partner: Partner) -> None:
    partner.answer = mixed
    rows = cli.write("rows.csv", rows_of(30))
    assert cli("test", spec, rows, "--name", "mixed", "--quiet").status == FINDINGS
    counts = check_agreement(cli, "mixed", 30)
    assert set(counts) == {"delivered", "duplicate", "rejected", "failed", "unclassified", "invalid"}


def test_every_format_agrees_on_a_run_of_two_workers(cli: CommandLine, spec: Path, partner: Partner) -> None:
    partner.answer = mixed
    rows = cli.write("rows.csv", rows_of(200))
    done = cli.process("replay", spec, rows, "--workers", 2, "--record", "all", "--name", "two", "--quiet")
    assert done.status == FINDINGS, done.err
    check_agreement(cli, "two", 200)


def test_every_format_agrees_on_a_resumed_run(cli: CommandLine, partner: Partner) -> None:
    partner.answer, partner.delay = mixed, 0.05
    spec = cli.write("x.yaml", spec_text(partner.url).replace("timeout: 5s", "timeout: 5s, concurrency: 2"))
    rows = cli.write("rows.csv", rows_of(60))
    with cli.start("replay", spec, rows, "--record", "all", "--name", "resumed") as process:
        wait_for(lambda: len(partner.heard) >= 6)
        interrupt(process)
        process.communicate(timeout=15)
    partner.delay = 0.0
    before = len(partner.heard)
    assert 6 <= before < 59
    assert cli("runs", "resume", "resumed", "--quiet").status == FINDINGS
    assert len(partner.heard) == 59  # one is invalid, and none was sent twice
    check_agreement(cli, "resumed", 60)


def test_every_format_of_an_interrupted_run_says_so(cli: CommandLine, partner: Partner) -> None:
    partner.delay = 0.05
    spec = cli.write("x.yaml", spec_text(partner.url).replace("timeout: 5s", "timeout: 5s, concurrency: 1"))
    rows = cli.write("rows.csv", rows_of(60))
    with cli.start("replay", spec, rows, "--name", "cut") as process:
        wait_for(lambda: len(partner.heard) >= 6)
        interrupt(process)
        out, err = process.communicate(timeout=15)
    shown = json.loads(cli("report", "cut", "--format", "json").out)
    handled = len(shown["deliveries"])
    sentence = f"interrupted: {handled} of 60 rows handled, {60 - handled} not sent"
    assert (shown["state"], shown["unfinished"], shown["total"]) == ("interrupted", sentence, 60)
    assert (out + err).count(sentence) == 1
    for name in TEXT_FORMATS:
        done = cli("report", "cut", "--format", name)
        text = done.out.lower()
        if name == "eml":
            assert f"{60 - handled} further records were not sent" in " ".join(done.out.replace("=\r\n", "").split())
        else:
            assert (sentence in text) is (name not in ("csv", "ndjson"))
        assert (sentence in done.err) is FORMATS[name].rows
    assert sentence in cli("report", "cut", "--brief").out
    assert sentence in cli("runs", "export", "cut", "--out", "rows.parquet").err
    assert cli("runs", "resume", "cut", "--quiet").status == FINDINGS
    assert "state" not in json.loads(cli("report", "cut", "--format", "json").out)
    assert cli("report", "cut", "--format", "csv").err == ""


# --- where it goes


def test_without_a_place_it_is_data(cli: CommandLine, spec: Path, rows: Path) -> None:
    cli("test", spec, rows, "--quiet")
    default = cli("report", "last")
    assert default.status == 0
    assert default.out.startswith("# ")
    assert "## Every delivery" in default.out
    for name in TEXT_FORMATS:
        done = cli("report", "last", "--format", name)
        assert (done.status, done.err, outcomes_in(name, done.out)) == (0, "", ["delivered"] * 3)


@pytest.mark.parametrize("command", ["test", "replay"])
def test_reports_at_the_end_of_a_run(cli: CommandLine, spec: Path, rows: Path, command: str) -> None:
    names = [f"report{FORMATS[name].suffixes[0]}" for name in TEXT_FORMATS]
    done = cli(command, spec, rows, *(word for name in names for word in ("--report", name)), "--quiet")
    assert done.status == 0, done.err
    for name, path in zip(TEXT_FORMATS, names, strict=True):
        assert outcomes_in(name, (cli.folder / path).read_bytes().decode()) == ["delivered"] * 3
    later = cli.folder / "later.html"
    assert cli("report", "--out", later).status == 0
    assert later.read_bytes() == (cli.folder / "report.html").read_bytes()


def test_files_are_named_by_suffix_or_by_format(cli: CommandLine, spec: Path, rows: Path) -> None:
    cli("test", spec, rows, "--quiet")
    assert cli("report", "last", "--out", "a.html", "--out", "b.md", "--out", "c.txt", "--format", "html",
               "--format", "markdown", "--format", "csv").status == 0  # fmt: skip
    assert (cli.folder / "c.txt").read_text().startswith("row,")
    assert cli("report", "last", "--out", "d.har", "--out", "e.XML").status == 0
    assert json.loads((cli.folder / "d.har").read_text())["log"]["version"] == "1.2"
    assert (cli.folder / "e.XML").read_text().startswith("<?xml")
    assert cli("report", "last", "--out", ".").status == 0
    assert [path.name for path in cli.folder.glob("acme-*.html")] != []
    assert (cli.folder / "a.html").stat().st_mode & 0o777 == 0o600


def test_a_dash_is_stdout(cli: CommandLine, spec: Path, rows: Path) -> None:
    cli("test", spec, rows, "--quiet")
    before = sorted(cli.folder.iterdir())
    for words in (
        ("runs", "export", "last", "--format", "csv", "--out", "-"),
        ("report", "last", "--format", "csv", "--out", "-"),
    ):
        done = cli(*words)
        assert (done.status, done.err, OUTCOMES["csv"](done.out)) == (0, "", ["delivered"] * 3)
    assert sorted(cli.folder.iterdir()) == before
    both = cli("report", "last", "--format", "csv", "--format", "html", "--out", "-", "--out", "a.html")
    assert (both.status, both.err.split()) == (0, ["report:", "a.html"])
    assert OUTCOMES["csv"](both.out) == OUTCOMES["html"]((cli.folder / "a.html").read_text())


SLIPS = {
    "a browser for stdout": (("--open", "--out", "-"), "a browser opens files only"),
    "several on stdout": (("--format", "html", "--format", "csv"), "--out"),
    "no such format": (("--format", "pdf"), "no report has the format `pdf`"),
    "no such suffix": (("--out", "report.pdf"), "does not say which format it has"),
    "three formats, two files": (
        ("--format", "html", "--format", "csv", "--format", "har", "--out", "a.html", "--out", "b.csv"),
        "--format and --out do not match",
    ),
    "one file twice": (("--out", "a.html", "--out", "a.html"), "two reports would be written to a.html"),
    "no such folder": (("--out", "gone/a.html"), "gone/a.html"),
    "two formats, no such folder": (
        ("--format", "html", "--format", "csv", "--out", "gone"),
        "gone: there is no such folder",
    ),
    "no such run": (("--out", "a.html", "x"), "no run is called `x`"),
}


@pytest.mark.parametrize("case", SLIPS)
def test_slips_of_the_pen_leave_no_file(cli: CommandLine, spec: Path, rows: Path, case: str) -> None:
    arguments, words = SLIPS[case]
    cli("test", spec, rows, "--quiet")
    before = sorted(cli.folder.iterdir())
    clear(cli("report", *([] if case == "no such run" else ["last"]), *arguments), USAGE, words)
    assert sorted(cli.folder.iterdir()) == before


def test_a_journal_without_runs_says_so(cli: CommandLine) -> None:
    clear(cli("report"), USAGE, "run")
    clear(cli("report", "last", "--journal", "gone/journal.sqlite"), JOURNAL, "there is no journal here")
    assert not (cli.folder / "gone").exists()


def test_a_full_disk_leaves_what_was_there(
    cli: CommandLine, spec: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("test", spec, rows, "--quiet")
    old = cli.write("a.html", "the old one")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    clear(cli("report", "last", "--out", "b.csv", "--out", old), USAGE, "No space left on device")
    assert old.read_text() == "the old one"
    assert not (cli.folder / "b.csv").exists()


def test_a_path_that_cannot_be_looked_at_is_named_before_anything_is_sent(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner
) -> None:
    long = f"{'x' * 300}.html"
    clear(cli("replay", spec, rows, "--report", long), USAGE, "this path cannot be used: File name too long")
    assert partner.heard == []
    assert cli("test", spec, rows, "--quiet").status == 0
    for command in ("report", "runs export"):
        clear(cli(*command.split(), "last", "--out", long), USAGE, "xxx.html: ", "File name too long")


# --- runs that were purged, and runs that cannot be resumed


def test_a_purged_run_is_reported_as_what_is_left_of_it(cli: CommandLine, spec: Path, rows: Path) -> None:
    cli("test", spec, rows, "--name", "old", "--quiet")
    assert cli("runs", "purge", "old", "--quiet", "--yes").status == 0
    told = {name: cli("report", "old", "--format", name) for name in TEXT_FORMATS}
    assert {name: done.status for name, done in told.items()} == dict.fromkeys(TEXT_FORMATS, 0)
    outcomes = {name: outcomes_in(name, done.out) for name, done in told.items()}
    assert outcomes == dict.fromkeys(TEXT_FORMATS, ["delivered"] * 3)
    for name in ("markdown", "html"):
        assert "This run was purged" in told[name].out.replace("\n", " ")
    assert "our records of them have been removed" in told["eml"].out.replace("\r\n", " ")
    assert "jane.doe" not in "".join(done.out for done in told.values())
    shown = cli("runs", "show", "old").out
    assert "This run was purged" in shown
    assert "look up" not in shown


@pytest.mark.parametrize("command", ["test"])
def test_a_test_is_not_resumed_but_run_again(cli: CommandLine, spec: Path, rows: Path, command: str) -> None:
    cli(command, spec, rows, "--quiet")
    refused = cli("runs", "resume", "last")
    clear(refused, USAGE, f"was a `{command}`, which cannot be resumed", f"rokt-export {command}")
    assert "--resume" not in refused.err


def test_a_test_that_was_stopped_does_not_speak_of_resuming(cli: CommandLine, partner: Partner) -> None:
    partner.delay = 0.3
    spec = cli.write("x.yaml", spec_text(partner.url).replace("timeout: 5s", "timeout: 5s, concurrency: 1"))
    rows = cli.write("rows.csv", rows_of(30))
    with cli.start("test", spec, rows) as process:
        wait_for(lambda: len(partner.heard) >= 1)
        interrupt(process)
        _, err = process.communicate(timeout=15)
    assert process.returncode == 130
    assert "runs resume" not in err


# --- the copied command

AUTHENTICATIONS = {
    "bearer": '{type: bearer, token: "{{ env.ACME_KEY }}"}',
    "basic": '{type: basic, username: "{{ env.ACME_USER }}", password: "{{ env.ACME_KEY }}"}',
    "query": '{type: api_key, name: key, in: query, value: "{{ env.ACME_KEY }}"}',
    "body": '{type: api_key, name: key, in: body, value: "{{ env.ACME_KEY }}"}',
}
VARIABLES = {"ACME_KEY": KEY, "ACME_USER": "jane"}
BEARER = {"ACME_KEY": "s3cr3t-t0k3n-of-acme", "ACME_USER": "jane"}  # a header has no room for the letters of KEY

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs the curl command")


def curl(command: str, variables: dict[str, str]) -> None:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **variables}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, timeout=20, check=False)
    assert done.returncode == 0, (command, done.stderr)


@needs_curl
@pytest.mark.parametrize("case", AUTHENTICATIONS)
def test_the_copied_command_sends_what_was_sent(cli: CommandLine, partner: Partner, case: str) -> None:
    variables = BEARER if case == "bearer" else VARIABLES
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=AUTHENTICATIONS[case]))
    name = 'Zoë "O\'Neil" & <Co> \\ $HOME `x` % + ;'
    done = cli("test", spec, "--set", f"firstname={name}", "--report", "r.html", "--quiet", env=variables)
    assert done.status == 0, done.err
    [entry] = Scripts((cli.folder / "r.html").read_text(encoding="utf-8")).entries
    assert variables["ACME_KEY"] not in entry["curl"]
    curl(entry["curl"], variables)
    sent, copied = partner.heard
    assert (copied.method, copied.target, copied.body) == (sent.method, sent.target, sent.body)
    assert sorted(copied.headers) == sorted(sent.headers)
    assert name in json.loads(sent.body).values()


@needs_curl
@pytest.mark.parametrize("at_hand", [{}, VARIABLES], ids=["without the secret", "with it"])
@pytest.mark.parametrize("case", ["basic", "query", "body"])
def test_a_dry_run_as_curl_sends_what_would_be_sent(
    cli: CommandLine, partner: Partner, case: str, at_hand: dict[str, str]
) -> None:
    spec = cli.write("acme.yaml", spec_text(partner.url, authentication=AUTHENTICATIONS[case]))
    rows = cli.write("rows.csv", 'email,firstname\njane.doe@example.com,Zoë & "Co"\n')
    assert cli("test", spec, rows, "--test-data", "--quiet", env=VARIABLES).status == 0
    dry = cli("render", spec, rows, "--test-data", "--as", "curl", env=at_hand)
    assert dry.status == 0, dry.err
    assert KEY not in dry.out
    curl(dry.out, VARIABLES)
    sent, copied = partner.heard
    assert (copied.method, copied.target, copied.body) == (sent.method, sent.target, sent.body)
    assert sorted(copied.headers) == sorted(sent.headers)


def test_of_a_real_person_the_command_shows_tokens_and_says_so(cli: CommandLine, spec: Path, rows: Path) -> None:
    assert cli("test", spec, rows, "--report", "r.html", "--quiet").status == 0
    for entry in Scripts((cli.folder / "r.html").read_text(encoding="utf-8")).entries:
        assert entry["tokens"]
        assert entry["curl"].startswith("# personal data is shown as tokens\n")
        assert "jane.doe" not in json.dumps(entry)
        assert "person-" in entry["curl"]
        assert shlex.split(entry["curl"], comments=True)[0] == "curl"
    letter = cli("report", "last", "--format", "markdown").out
    assert "jane.doe" not in letter
    assert "token" in letter
    dry = cli("render", spec, rows, "--as", "curl")
    assert dry.out.startswith("# personal data is shown as tokens\n")
    assert "jane.doe" not in dry.out
    assert "jane.doe.1" in cli("render", spec, rows, "--as", "curl", "--show-personal-data").out
    assert cli("render", spec, rows, "--count", "2").out.count("# personal data is shown as tokens\n") == 2
    assert "shown as tokens" not in cli("render", spec, rows, "--show-personal-data").out
    assert "  personal data is shown as tokens\n" in cli("runs", "show", "last", "--row", "1").out


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_run_to_a_sandbox_is_told_as_one(cli: CommandLine, environment: str) -> None:
    spec, rows = ROOT / "sample_specs" / "mailchimp.yaml", ROOT / "sample_events" / "few.csv"
    cli("replay", spec, rows, "-e", environment, "--sandbox", "--test-data", "--name", "tried")
    for command in (("runs", "show", "tried"), ("runs", "list")):
        assert " sandbox " in cli(*command).out
    shown = cli("runs", "show", "tried").out
    assert "A sandbox answered: nothing reached the partner." in shown and "Ask Jane Doe" not in shown
    outs = [option for suffix in ("eml", "md", "html", "xml") for option in ("--out", f"told.{suffix}")]
    assert cli("report", "tried", *outs).status == 0
    texts = {path.suffix: path.read_text("utf-8") for path in cli.folder.glob("told.*")}
    mail = texts.pop(".eml")
    assert f"a sandbox answered in place of your {environment} system, and nothing was sent" in mail.replace("\n", " ")
    assert all(f"{environment} (sandbox)" in text for text in texts.values()), texts.keys()
    assert "nothing was sent to you" in texts[".md"] and "what we sent to your" not in texts[".md"] + mail
    assert "Are these in your system" not in texts[".md"]
    assert cli("runs", "purge", "tried", "--yes").status == 0
    assert " sandbox " in cli("runs", "list").out

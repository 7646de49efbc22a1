"""Whatever is wrong: one clear message with its place and remedy, the contract's exit status, and nothing sent."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme

from commands.bad_input import OK
from tests.commands.conftest import FEW, CommandLine, Partner, Result, clear, secure, spec_text

USAGE, CONFIGURATION, UNREACHABLE, JOURNAL = 2, 3, 4, 5
BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefghij", "bcdefghijk", strict=True)
)

FILES: dict[str, tuple[str | bytes | None, str, str]] = {
    "missing": (None, "x.yaml", "no such file"),
    "not UTF-8": (b"partner: \xe9", "x.yaml:1:10", "not UTF-8"),
    "empty": ("", "x.yaml", "empty"),
    "bomb": (BOMB, "x.yaml:1:24", "expand to more than"),
    "tabs": ("spec_version: 1\nendpoint:\n\tstaging: x\n", "x.yaml:3:1", "a tab indents this line"),
    "duplicate key": (OK + "partner: other\n", "x.yaml:5:1", "is duplicated"),
    "large": ("# " + "x" * 50_000_000, "x.yaml", "more than 1,048,576 bytes"),
    "unknown version": (OK.replace("version: 1", "version: 9"), "x.yaml:1:15", "spec_version is 1"),
    "deep": ("a: " + "[" * 1000 + "]" * 1000, "x.yaml", "nested too deeply"),
    "list": ("- a\n", "x.yaml:1:1", "not a list"),
    "two documents": (OK + "---\n" + OK, "x.yaml:5:1", "a second document begins here"),
    "control character": (b"a: \x00\n", "x.yaml", "not YAML"),
}


@pytest.mark.parametrize("name", ["people.csv", "People.XLSX", "rows.ndjson.gz"])
def test_a_file_of_rows_in_place_of_a_spec_is_called_one(cli: CommandLine, name: str) -> None:
    cli.write(name, "").write_bytes("email;name\na@example.com;Zoë\n".encode("latin-1"))
    for command in (("validate", name), ("replay", name, "acme.yaml")):
        done = cli(*command)
        shown = Result(done.status, "", done.out + done.err)
        clear(shown, CONFIGURATION, name, "this is a file of rows, not a spec", f"rokt-export render SPEC {name}")


SLOW = {"bomb", "large", "deep"}


@pytest.mark.parametrize(
    ("case", "command"),
    [
        (case, command)
        for case in FILES
        for command in ("validate", "test", "render", "classify")
        if command == "validate" or case not in SLOW
    ],
)
def test_a_file_that_is_no_spec(cli: CommandLine, case: str, command: str) -> None:
    text, place, message = FILES[case]
    if text is not None:
        cli.write("x.yaml", text)
    more = ["--text", "{}"] if command == "classify" else []
    done = cli(command, "x.yaml", *more)
    if command == "validate":
        done = Result(done.status, "", done.out + done.err)
    clear(done, CONFIGURATION, place, message)
    assert len(done.err) < 3_000


def test_a_folder_that_is_no_spec(cli: CommandLine) -> None:
    (cli.folder / "specs").mkdir()
    cli.write("specs/acme.yaml", OK)
    clear(cli("test", "specs"), CONFIGURATION, "specs: this is a directory, not a spec file", "acme.yaml")


def test_ten_planted_faults_are_ten_findings(cli: CommandLine) -> None:
    cli.write("x.yaml", TEN_FAULTS)
    done = cli("validate", "x.yaml", "--output", "json")
    assert done.status == CONFIGURATION
    errors = [finding for finding in done.json if finding["severity"] == "error"]
    assert [(one["code"], one["line"], one["column"]) for one in errors] == TEN_PLACES
    assert all(set(one) == {"code", "severity", "file", "line", "column", "message", "hint"} for one in done.json)
    assert all(one["file"] == "x.yaml" and one["message"] and one["hint"] for one in done.json)
    table = cli("validate", "x.yaml")
    assert table.status == CONFIGURATION
    for code, line, column in TEN_PLACES:
        assert f"x.yaml:{line}:{column} error {code} " in table.out
    assert "10 errors" in table.out + table.err


TEN_FAULTS = """\
spec_version: 1
partner: Acme Corp
titel: Acme
endpoint:
  staging: https://staging.example.com/leads
  production:
    url: https://example.com/{{ env.LIST | uper }}
method: FETCH
authentication: {type: basik, username: rokt}
parameters:
  - {name: email, attribute: email, requird: true}
  - {name: "a[0", attribute: firstname}
  - {name: both, attribute: lastname, value: x}
responses:
  - {outcome: acepted, status: 2xx}
  - {outcome: rejected, text: {regex: "(unclosed"}}
"""
TEN_PLACES = [
    ("RX012", 2, 10),
    ("RX010", 3, 1),
    ("RX020", 7, 10),
    ("RX012", 8, 9),
    ("RX012", 9, 24),
    ("RX010", 11, 37),
    ("RX023", 12, 12),
    ("RX014", 13, 5),
    ("RX012", 15, 15),
    ("RX021", 16, 39),
]


USES: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "unknown attribute": (("test", "SPEC", "--set", "emial=x"), USAGE, ("--set", "`emial`", "Did you mean `email`?")),
    "unknown attribute unset": (("test", "SPEC", "--unset", "emial"), USAGE, ("--unset", "`emial`")),
    "no assignment": (("test", "SPEC", "--set", "email"), USAGE, ("--set", "NAME=VALUE")),
    "unknown environment": (("test", "SPEC", "-e", "prod"), USAGE, ("`prod`", "staging, production")),
    "unknown flag": (("test", "SPEC", "--nope"), USAGE, ("no such option", "--nope")),
    "missing argument": (("test",), USAGE, ("SPEC is missing", "rokt-export test --help")),
    "unknown command": (("tset",), USAGE, ("no such command", "tset", "Did you mean `test`?")),
    "bad choice": (("test", "SPEC", "--output", "xml"), USAGE, ("--output", "`xml` is not one of table")),
    "bad number": (("test", "SPEC", "--count", "0"), USAGE, ("--count",)),
    "unknown outcome": (("test", "SPEC", "--expect", "happy"), USAGE, ("--expect", "`happy`", "delivered")),
    "unknown report": (("test", "SPEC", "--report", "x.doc"), USAGE, ("x.doc", ".html")),
    "report nowhere": (("test", "SPEC", "--report", "gone/x.csv"), USAGE, ("gone", "does not exist")),
    "missing rows": (("test", "SPEC", "gone.csv"), CONFIGURATION, ("gone.csv", "not there")),
    "no rows named": (("replay", "SPEC"), USAGE, ("no file of transactions",)),
    "missing rows to replay": (("replay", "SPEC", "gone.csv"), CONFIGURATION, ("gone.csv", "not there")),
    "bad rate": (("replay", "SPEC", "ROWS", "--rate", "fast"), USAGE, ("`fast`", "10/s")),
    "beyond the limit": (("replay", "SPEC", "ROWS", "--concurrency", "99"), USAGE, ("--concurrency", "limit is 10")),
    "bad patience": (("replay", "SPEC", "ROWS", "--patience", "soon"), USAGE, ("`soon`",)),
    "half a selection": (("replay", "SPEC", "ROWS", "--only", "failed"), USAGE, ("--from-run",)),
    "bad map": (("replay", "SPEC", "ROWS", "--map", "x"), USAGE, ("--map",)),
    "unknown run": (("replay", "SPEC", "ROWS", "--resume", "nope"), USAGE, ("nope", "runs list")),
    "unknown run shown": (("runs", "show", "nope"), USAGE, ("nope", "runs list")),
    "unknown run reported": (("report", "nope"), USAGE, ("nope", "runs list")),
    "unknown format": (("report", "last", "--format", "docx"), USAGE, ("docx", "html")),
    "nothing to purge": (("runs", "purge"), USAGE, ("--before",)),
    "bad date": (("runs", "purge", "--before", "soon"), USAGE, ("--before", "`soon`")),
    "a sandbox elsewhere": (("test", "SPEC", "--sandbox-url", "http://example.com"), USAGE, ("--sandbox-url",)),
    "two sandboxes": (("test", "SPEC", "--sandbox", "--sandbox-url", "http://127.0.0.1:1"), USAGE, ("--sandbox",)),
    "unknown fault": (("sandbox", "SPEC", "--fault", "nope=1"), USAGE, ("`nope`", "reset")),
    "bad latency": (("sandbox", "SPEC", "--latency", "soon"), USAGE, ("--latency", "`soon`")),
    "missing env file": (("test", "SPEC", "--env-file", "gone.env"), CONFIGURATION, ("gone.env", "no such file")),
    "env folder": (("test", "SPEC", "--env-file", "folder"), CONFIGURATION, ("folder", "directory")),
    "env not UTF-8": (("test", "SPEC", "--env-file", "latin1.env"), CONFIGURATION, ("latin1.env", "not UTF-8")),
    "env not assignments": (("test", "SPEC", "--env-file", "bad.env"), CONFIGURATION, ("bad.env:2", "an assignment")),
    "no such answer": (("classify", "SPEC", "--body", "gone"), USAGE, ("gone", "cannot be read")),
    "csv of a request": (("render", "SPEC", "--output", "csv"), USAGE, ("--output",)),
}


@pytest.mark.parametrize("case", USES)
def test_a_command_line_that_makes_no_sense(
    cli: CommandLine, spec: Path, rows: Path, partner: Partner, case: str
) -> None:
    cli.write("latin1.env", b"A=\xe9\n")
    cli.write("bad.env", "A=1\nthis is no assignment\n")
    (cli.folder / "folder").mkdir()
    arguments, status, words = USES[case]
    given = [{"SPEC": str(spec), "ROWS": str(rows)}.get(word, word) for word in arguments]
    clear(cli(*given), status, *words)
    assert cli("runs", "list", "--output", "json").json == []
    assert partner.heard == []


def test_a_broken_env_file_that_nobody_named(cli: CommandLine, spec: Path, partner: Partner) -> None:
    cli.write(".env", b"A=\xff\n")
    clear(cli("test", spec), CONFIGURATION, ".env", "not UTF-8")
    (cli.folder / ".env").unlink()
    (cli.folder / ".env").mkdir()
    clear(cli("test", spec), CONFIGURATION, ".env", "directory")
    assert partner.heard == []


def test_variables_that_are_not_set_are_all_named(cli: CommandLine, partner: Partner) -> None:
    basic = "{type: basic, username: '{{ env.B }}', password: '{{ env.A }}'}"
    spec = cli.write("x.yaml", spec_text(partner.url, authentication=basic))
    for command in (["test"], ["replay", FEW], ["probe"]):
        name, *more = command
        done = cli(name, spec, *more, env={"B": ""})
        clear(done, CONFIGURATION, "environment variables not set: A, B", "`.env.staging`")
    assert partner.heard == []


@pytest.mark.parametrize(
    "value",
    [
        "not a url",
        "ftp://example.com",
        "https://",
        "http://exa mple.com",
        "//x",
        "http://[::1",
        "http://x:99999",
        "http://x:y",
    ],
)
def test_a_variable_that_makes_no_url(cli: CommandLine, value: str) -> None:
    spec = cli.write("x.yaml", spec_text("{{ env.BASE }}"))
    done = cli("test", spec, env={"BASE": value})
    clear(done, CONFIGURATION, "{{ env.BASE }}/leads")
    assert cli("runs", "list", "--output", "json").json == []


def test_a_journal_that_cannot_be_used(cli: CommandLine, spec: Path, rows: Path, partner: Partner) -> None:
    folder = cli.folder / "folder"
    folder.mkdir()
    no_journal = cli.write("no.sqlite", "this is no journal" * 1000)
    for place in (folder, no_journal, "/proc/nowhere/j.sqlite"):
        for command in (["test", spec], ["replay", spec, rows], ["runs", "list"], ["report", "last"]):
            clear(cli(*command, "--journal", place), JOURNAL, str(place), "--journal")
    assert no_journal.read_text(encoding="utf-8") == "this is no journal" * 1000
    assert partner.heard == []


@pytest.mark.parametrize("command", ["test", "replay"])
def test_a_partner_that_refuses(cli: CommandLine, rows: Path, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    spec = cli.write("x.yaml", spec_text(f"http://127.0.0.1:{port}"))
    more = ["--patience", "0"] if command == "replay" else []
    done = cli(command, spec, rows, *more, "--output", "json")
    assert done.status == UNREACHABLE
    assert done.json["counts"] == {"failed": 3}
    assert {one["error"] for one in done.json["deliveries"]} == {
        f"connect: nothing listens on 127.0.0.1:{port} (connection refused)"
    }
    assert all(one["status"] is None and one["attempts"] == 0 for one in done.json["deliveries"])
    probed = cli("probe", spec, "--output", "json")
    assert probed.status == UNREACHABLE
    assert [step["state"] for step in probed.json][-1] == "failed"


def test_a_wrong_host(cli: CommandLine, rows: Path) -> None:
    spec = cli.write("x.yaml", spec_text("https://no-such-host.invalid"))
    done = cli("test", spec, rows, "--count", 1, "--output", "json")
    assert done.status == UNREACHABLE
    [one] = done.json["deliveries"]
    assert one["error"].startswith("dns: the name no-such-host.invalid cannot be resolved")


def test_tls_where_there_is_none(cli: CommandLine, partner: Partner, rows: Path) -> None:
    spec = cli.write("x.yaml", spec_text(partner.url.replace("http:", "https:")))
    done = cli("test", spec, rows, "--count", 1, "--output", "json")
    assert done.status == UNREACHABLE
    assert done.json["deliveries"][0]["error"].startswith("tls: ")


def test_a_partner_that_never_answers(cli: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = spec_text(f"http://127.0.0.1:{silent.getsockname()[1]}").replace("timeout: 5s", "timeout: 300ms")
        spec = cli.write("x.yaml", text)
        done = cli("test", spec, "--output", "json")
    assert done.status in (1, UNREACHABLE)
    [one] = done.json["deliveries"]
    assert (one["outcome"], one["attempts"], one["status"]) == ("unknown", 1, None)
    assert one["error"].startswith("timeout_after_send: ")


def test_a_certificate_that_nobody_vouches_for(cli: CommandLine) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with secure(context) as partner:
        spec = cli.write("x.yaml", spec_text(partner.url))
        done = cli("test", spec, "--output", "json")
        assert done.status == UNREACHABLE
        [one] = done.json["deliveries"]
        assert (one["outcome"], one["attempts"]) == ("failed", 0)
        assert one["error"].startswith("tls: the certificate of 127.0.0.1 is not trusted")
        probed = cli("probe", spec)
        assert probed.status == UNREACHABLE
        assert "is not trusted" in probed.out
        assert partner.heard == []


def test_a_certificate_for_another_name(cli: CommandLine) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example.com").configure_cert(context)
    authority.cert_pem.write_to_path(str(cli.folder / "ca.pem"))
    with secure(context) as partner:
        spec = cli.write("x.yaml", spec_text(partner.url) + "tls: {ca_file: ca.pem}\n")
        [one] = cli("test", spec, "--output", "json").json["deliveries"]
        assert "was issued for another name" in one["error"]
        assert partner.heard == []


def test_a_private_authority_that_is_named_is_trusted(cli: CommandLine) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(cli.folder / "ca.pem"))
    with secure(context) as partner:
        spec = cli.write("x.yaml", spec_text(partner.url) + "tls: {ca_file: ca.pem}\n")
        assert cli("test", spec).status == 0
        assert len(partner.heard) == 1


def test_a_ca_file_that_is_not_there(cli: CommandLine) -> None:
    spec = cli.write("x.yaml", spec_text("https://example.com") + "tls: {ca_file: gone.pem}\n")
    clear(cli("test", spec), CONFIGURATION, "gone.pem")


@pytest.mark.parametrize(
    ("regex", "body"),
    [(r"\s+$", b" " * 40_000 + b"x"), ("error: (.*)code: (.*)end", b"error: code: " * 1_500)],
)
def test_an_expression_of_a_spec_ends_whatever_the_partner_answers(
    cli: CommandLine, partner: Partner, regex: str, body: bytes
) -> None:
    partner.answer = lambda _heard: (200, {}, body)
    text = spec_text(partner.url).replace(
        "responses:\n", f"responses:\n  - {{outcome: failed, text: {{regex: '{regex}'}}}}\n"
    )
    began = time.monotonic()
    done = cli("test", cli.write("acme.yaml", text), "--count", 4, "--output", "json")
    assert done.json["counts"] == {"delivered": 4}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("regex", ["(?!x)", r"(a)\1", "a{2000}"])
def test_an_expression_that_needs_backtracking_is_a_finding(cli: CommandLine, regex: str) -> None:
    text = spec_text("https://x.test").replace("status: 409", f"text: {{regex: '{regex}'}}")
    done = cli("validate", cli.write("acme.yaml", text), "--output", "json")
    assert done.status == 3
    assert [(each["code"], each["line"]) for each in done.json if each["severity"] == "error"] == [("RX160", 14)]


@pytest.mark.parametrize(
    "template",
    ["{{ 'a' * 300000000 }}", "{{ range(10**9) | join }}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
)
def test_a_template_without_bounds_is_a_finding_of_every_command(cli: CommandLine, rows: Path, template: str) -> None:
    text = spec_text("https://x.test").replace("attribute: firstname", f'value: "{template}"')
    spec = cli.write("acme.yaml", text)
    began = time.monotonic()
    done = cli("validate", spec, "--output", "json")
    assert [each["code"] for each in done.json if each["severity"] == "error"] == ["RX020"]
    for command in (["render", spec], ["test", spec], ["replay", spec, rows]):
        clear(cli(*command), 3, "RX020")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "words",
    [
        ("validate", "/dev/zero"),
        ("validate", "good.yaml", "--env-file", "/dev/zero"),
        ("init", "--curl", "@/dev/zero"),
        ("init", "--har", "/dev/zero"),
        ("init", "--postman", "/dev/zero"),
    ],
    ids=" ".join,
)
def test_a_device_is_not_read(cli: CommandLine, words: tuple[str, ...]) -> None:
    cli.write("good.yaml", OK)
    done = cli(*words)
    assert done.status in (USAGE, CONFIGURATION)
    assert "this is a device" in done.out + done.err


def test_what_is_too_long_for_a_curl_line_is_not_read_to_its_end(cli: CommandLine) -> None:
    clear(cli("init", "--curl", "-", stdin=b"x" * 2_000_000), USAGE, "at most 1,000,000 bytes")

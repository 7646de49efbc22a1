"""Every way to a guarded server, counted by the server: nothing without the partner's name, no test data besides."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.commands.conftest import CommandLine, Partner, serve

USAGE, WRONG = 2, 3

SPELLINGS = (
    "http://127.0.0.1:{port}/leads",
    "HTTP://LocalHost:{port}/Leads/",
    "http://0.0.0.0:{port}/%6ceads?list=5",
    "http://api.localhost:{port}//leads",
    "http://[::ffff:127.0.0.1]:{port}/leads",
    "http://127.0.0.1:0{port}/./x/../leads",
    "http://2130706433:{port}/leads",
    "http://0x7f.1:{port}/leads",
    "http://user@127.0.0.1:{port}/leads",
    "http://127.0.0.1:{port}/leads#x",
    "http://localhost:{port}/{{{{ city }}}}",
)
"""One server and one path; some are refused as URLs, as not all programs read them alike."""
FLAGS: tuple[tuple[str, ...], ...] = (
    (),
    ("--test-data",),
    ("--confirm", "acme2"),
    ("--confirm", "acme2", "--test-data"),
    ("--confirm", "acme"),
    ("--confirm", "acme", "--test-data"),
)
COMMANDS: dict[str, tuple[str, ...]] = {
    "test, people generated": ("test", "SPEC", "-e", "NAME"),
    "test": ("test", "SPEC", "ROWS", "-e", "NAME"),
    "replay": ("replay", "SPEC", "ROWS", "-e", "NAME"),
    "replay, rows of an earlier run": (
        "replay",
        "SPEC",
        "-e",
        "NAME",
        "--from-run",
        "earlier",
        "--only",
        "failed",
        "--again",
    ),
    "resume": ("replay", "SPEC", "--resume", "earlier"),
    "diff": ("diff", "SPEC", "ROWS", "--between", "other-test", "NAME"),
    "diff, people generated": ("diff", "SPEC", "--between", "NAME", "other-test"),
    "probe": ("probe", "SPEC", "-e", "NAME"),
}
NAMES = ("production", "prod", "live", "prd", "productoin", "production2", "eu", "prod-test", "latest", "declared-test")

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  production: "{guarded}/leads"
  other-test: "{other}/elsewhere"
  staging: "{{{{ env.ACME_BASE }}}}"
{more}
parameters:
  - {{name: email, attribute: email, required: true}}
responses:
  - {{outcome: delivered, status: 2xx}}
  - {{outcome: failed, status: 5xx}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""


@pytest.fixture
def other() -> Iterator[Partner]:
    """A server for tests."""
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


class Ways:
    """Runs every command to one environment, with every combination of flags, and counts at the guarded server."""

    def __init__(self, cli: CommandLine, guarded: Partner, other: Partner, more: str = "") -> None:
        self.cli, self.guarded, self.other = cli, guarded, other
        self.spec = cli.write("acme.yaml", SPEC.format(guarded=guarded.url, other=other.url, more=more))
        self.sent = 0
        self.rows = cli.folder / "rows.csv"

    def fresh_rows(self) -> None:
        """Write one person whom no server was ever sent."""
        self.sent += 1
        self.rows.write_text(f"email,city\nreal.{self.sent}@example.com,leads\n")

    def fail_earlier(self) -> None:
        """Make the run `earlier`, to a server for tests; it fails at its first row, and is stopped."""
        self.rows.write_text("email,city\nreal.a@example.com,leads\nreal.b@example.com,leads\n")
        self.other.answer = lambda _heard: (500, {}, b"")
        flags = ("--name", "earlier", "--stop-after", 1, "--concurrency", 1)
        done = self.cli("replay", self.spec, self.rows, *flags, env={"ACME_BASE": f"{self.other.url}/leads"})
        assert done.status == 1, done.err
        self.other.answer = Partner().answer

    def judge(self, command: str, name: str, base: str, flags: tuple[str, ...]) -> None:
        """Run one combination, and compare what the guarded server counted with what the flags allow."""
        words = COMMANDS[command]
        if "earlier" not in words:
            self.fresh_rows()
        self.guarded.heard.clear()
        if words[0] == "probe":
            flags = tuple(flag for flag in flags if flag != "--test-data")
        if words[0] == "diff":
            flags = (*flags, "--count", "1")
        given = {"SPEC": self.spec, "ROWS": self.rows, "NAME": name}
        done = self.cli(*(given.get(word, word) for word in words), *flags, env={"ACME_BASE": base})
        case = (command, name, base, flags, done.err)
        people = [json.loads(heard.body)["email"] for heard in self.guarded.heard if heard.method == "POST"]
        generated = "generated" in command
        named = "acme" in flags
        allowed = named and command != "resume" and not (generated and "--test-data" not in flags)
        if not allowed:
            assert self.guarded.heard == [], case
            assert done.status in (USAGE, WRONG), case
        else:
            assert self.guarded.heard, case
            assert done.status in (0, 1), case
        if not (named and "--test-data" in flags):
            assert all(person.startswith("real.") for person in people), case
        assert "Traceback" not in done.err, case


@pytest.mark.parametrize("command", COMMANDS)
def test_the_address_of_production_is_guarded_however_it_is_spelled(
    cli: CommandLine, partner: Partner, other: Partner, command: str
) -> None:
    ways = Ways(cli, partner, other)
    if "earlier" in COMMANDS[command]:
        ways.fail_earlier()
    for number, spelling in enumerate(SPELLINGS):
        base = spelling.format(port=partner.port)
        if "{" in base:  # a template, which has to stand in the spec
            ways.spec.write_text(ways.spec.read_text().replace("{{ env.ACME_BASE }}", base))
        for flags in FLAGS:
            if number < 3 or "acme" not in flags:  # not all of the others open, and two are refused as URLs
                ways.judge(command, "staging", base, flags)


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_whose_name_does_not_say_test_is_guarded(
    cli: CommandLine, partner: Partner, other: Partner, name: str
) -> None:
    more = f'  {name}: {{url: "{partner.url}/other", guarded: true}}' if "declared" in name else ""
    if not more and name != "production":
        more = f'  {name}: "{partner.url}/other"'
    ways = Ways(cli, partner, other, more)
    for command in ("test, people generated", "replay", "probe"):
        for flags in FLAGS:
            ways.judge(command, name, f"{other.url}/leads", flags)

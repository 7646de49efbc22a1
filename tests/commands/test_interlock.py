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


@pytest.mark.parametrize("all_flags", [False, pytest.param(True, marks=pytest.mark.soak)])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_address_of_production_is_guarded_however_it_is_spelled(
    cli: CommandLine, partner: Partner, other: Partner, command: str, all_flags: bool
) -> None:
    ways = Ways(cli, partner, other)
    if "earlier" in COMMANDS[command]:
        ways.fail_earlier()
    for number, spelling in enumerate(SPELLINGS):
        base = spelling.format(port=partner.port)
        if "{" in base:  # a template, which has to stand in the spec
            ways.spec.write_text(ways.spec.read_text().replace("{{ env.ACME_BASE }}", base))
        for flags in FLAGS:
            # Not all of the others open, and two are refused as URLs.
            if number < 3 or flags in (FLAGS[0], FLAGS[3]) or (all_flags and "acme" not in flags):
                ways.judge(command, "staging", base, flags)


@pytest.mark.parametrize("name", NAMES)
def test_an_environment_whose_name_does_not_say_test_is_guarded(
    cli: CommandLine, partner: Partner, other: Partner, name: str
) -> None:
    more = f'  {name}: {{url: "{partner.url}/other", guarded: true}}' if "declared" in name else ""
    if not more and name != "production":
        more = f'  {name}: "{partner.url}/other"'
    ways = Ways(cli, partner, other, more)
    for flags in FLAGS:
        ways.judge("replay", name, f"{other.url}/leads", flags)
    for command in ("test, people generated", "probe"):
        ways.judge(command, name, f"{other.url}/leads", ())


@pytest.mark.parametrize("name", ["staging2", "eu-qa", "nonprod", "pre-prod", "sandbox", "uat", "acme"])
def test_an_environment_for_tests_is_not(cli: CommandLine, partner: Partner, other: Partner, name: str) -> None:
    unguarded = "guarded: false" if name == "acme" else "guarded: null"
    ways = Ways(cli, partner, other, f'  {name}: {{url: "{other.url}/leads", {unguarded}}}')
    done = cli("test", ways.spec, "-e", name)
    assert (done.status, len(other.heard), partner.heard) == (0, 1, []), done.err


@pytest.mark.parametrize("base", ["{url}/other", "{url}/leads/x", "{url}/{{{{ city }}}}/leads"])
def test_another_path_on_the_host_of_a_guarded_one_is_said_before_the_first_send(
    cli: CommandLine, partner: Partner, other: Partner, base: str
) -> None:
    ways = Ways(cli, partner, other)
    base = base.format(url=partner.url)
    ways.spec.write_text(ways.spec.read_text().replace("{{ env.ACME_BASE }}", base))
    said = f"staging is on the host of production, {partner.url}, at another path"
    assert said in cli("validate", ways.spec).out
    ways.fresh_rows()
    for command in (("test", ways.spec), ("replay", ways.spec, ways.rows), ("probe", ways.spec)):
        done = cli(*command)
        assert (done.status, done.err.count(said)) == (0, 1), done.err


def test_a_spec_that_takes_the_guard_away_takes_it_from_its_address_too(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    ways = Ways(cli, partner, other)
    text = ways.spec.read_text().replace(f'"{partner.url}/leads"', f"{{url: '{partner.url}/leads', guarded: false}}")
    ways.spec.write_text(text)
    assert cli("test", ways.spec, env={"ACME_BASE": f"{partner.url}/leads"}).status == 0
    assert cli("test", ways.spec, "-e", "production", env={"ACME_BASE": f"{partner.url}/leads"}).status == 0
    assert "RX141" in cli("validate", ways.spec).out


def test_the_variables_of_each_environment_decide_its_address(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    ways = Ways(cli, partner, other)
    ways.spec.write_text(ways.spec.read_text().replace(f"{partner.url}/leads", "{{ env.ACME_BASE }}"))
    cli.write(".env.staging", f"ACME_BASE={other.url}/leads\n")
    unset = cli("test", ways.spec)
    assert "staging may have the address of production, which is not known: ACME_BASE not set" in unset.err
    assert (unset.status, len(other.heard)) == (0, 1)
    cli.write(".env.production", f"ACME_BASE={partner.url}/leads\n")
    apart = cli("test", ways.spec)
    assert (apart.status, len(other.heard), apart.err.count("of production")) == (0, 2, 0)
    cli.write(".env.production", f"ACME_BASE={other.url}/leads\n")
    assert cli("test", ways.spec).status == USAGE
    assert (len(other.heard), partner.heard) == (2, [])


def test_no_sandbox_is_looked_for_on_the_host_of_a_guarded_one(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    ways = Ways(cli, partner, other)
    ways.fresh_rows()
    for spelling in (partner.url, partner.url.replace("127.0.0.1", "localhost") + "/x"):
        for command in (("test", ways.spec), ("replay", ways.spec, ways.rows)):
            done = cli(*command, "--sandbox-url", spelling, env={"ACME_BASE": f"{other.url}/leads"})
            assert done.status == USAGE, done.err
    assert partner.heard == []


BREAKS = {
    "literal token": ("authentication: {type: bearer, token: abcdef123}", "RX106", ":14:39"),
    "plain http to production": ("  live: http://api.example.com/leads", "RX105", ":7:9"),
    "an example of another rule": ("RULE", "RX115", ""),
    "an unchecked certificate": ("tls: {verify: false}", "RX143", ""),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_an_error_of_validate_stops_every_command_that_sends(
    cli: CommandLine, partner: Partner, other: Partner, fault: str
) -> None:
    text, code, place = BREAKS[fault]
    ways = Ways(cli, partner, other, text if text.startswith(" ") else "")
    if text == "RULE":
        whole = ways.spec.read_text().replace("status: 5xx}", "status: 5xx, examples: [{status: 200, body: ''}]}")
        ways.spec.write_text(whole)
    elif not text.startswith(" "):
        ways.spec.write_text(ways.spec.read_text() + text + "\n")
    env = {"ACME_BASE": f"{other.url}/leads"}
    ways.fresh_rows()
    validated = cli("validate", ways.spec, env=env)
    assert (validated.status, code in validated.out) == (WRONG, True)
    diff = ("diff", "--between", "staging", "other-test")
    for command in (("test",), ("test", "--sandbox"), ("replay", ways.rows), ("probe",), diff):
        done = cli(command[0], ways.spec, *command[1:], env=env)
        assert (done.status, done.out) == (WRONG, ""), (command, done.err)
        assert f"error {code}" in done.err
        assert f"acme.yaml{place}" in done.err
    assert (partner.heard, other.heard) == ([], [])


def test_a_run_is_not_resumed_with_an_error_in_its_spec(cli: CommandLine, partner: Partner, other: Partner) -> None:
    ways = Ways(cli, partner, other)
    ways.fail_earlier()
    ways.spec.write_text(ways.spec.read_text() + "authentication: {type: bearer, token: abcdef123}\n")
    other.heard.clear()
    done = cli("runs", "resume", "earlier", env={"ACME_BASE": f"{other.url}/leads"})
    assert (done.status, other.heard) == (WRONG, [])
    assert "RX106" in done.err


def test_a_certificate_that_is_not_checked_is_said_before_each_run(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    ways = Ways(cli, partner, other, f'  qa: {{url: "{other.url}/leads", tls: {{verify: false}}}}')
    env = {"ACME_BASE": f"{other.url}/leads"}
    validated = cli("validate", ways.spec, env=env)
    assert (validated.status, "warning RX143 the certificate of qa is not checked" in validated.out) == (0, True)
    ways.fresh_rows()
    for command in (("test",), ("replay", ways.rows), ("probe",)):
        done = cli(command[0], ways.spec, *command[1:], "-e", "qa", env=env)
        assert done.status == 0
        assert done.err.count("the certificate of qa is not checked") == 1
    assert "certificate" not in cli("test", ways.spec, "-e", "qa", "--sandbox", env=env).err


def test_diff_does_not_send_twice_to_one_guarded_address(cli: CommandLine, partner: Partner, other: Partner) -> None:
    ways = Ways(cli, partner, other)
    ways.fresh_rows()
    flags = ("--between", "staging", "production", "--confirm", "acme")
    done = cli("diff", ways.spec, ways.rows, *flags, env={"ACME_BASE": f"{partner.url}//leads/"})
    assert (done.status, partner.heard) == (USAGE, [])
    assert "staging and production have the same address" in done.err


def test_two_live_systems_are_two_ledgers_and_one_address_is_one(
    cli: CommandLine, partner: Partner, other: Partner
) -> None:
    ways = Ways(cli, partner, other, f'  eu: "{other.url}/leads"\n  eu2: "{other.url}/leads/"')
    ways.fresh_rows()
    env, flags = {"ACME_BASE": f"{partner.url}/leads"}, ("--confirm", "acme")
    for name, counts in (
        ("production", (1, 0)), ("staging", (1, 0)), ("eu", (1, 1)), ("eu2", (1, 1)), ("production", (1, 1))
    ):  # fmt: skip
        done = cli("replay", ways.spec, ways.rows, "-e", name, *flags, env=env)
        assert (done.status, len(partner.heard), len(other.heard)) == (0, *counts), (name, done.err)

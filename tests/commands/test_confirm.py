"""`runs confirm` asks what became of rows that were only accepted, once for each job, and never sends a row again.

Covers `delivery/confirmation.py`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from commands.conftest import CommandLine, Heard, Partner, clear, serve, wait_for

SPEC = """\
spec_version: 1
partner: acme
endpoint: {{staging: "{url}/leads", production: "{url}/live/leads"}}
authentication: {{type: api_key, name: X-Key, value: "{{{{ env.ACME_KEY }}}}"}}
parameters:
  - {{name: email, attribute: email}}
responses:
  - {{outcome: delivered, name: queued, status: 202, provisional: true, capture: {{reference: $.job}}}}
  - {{outcome: delivered, status: 200}}
  - {{outcome: rejected, status: 4xx}}
confirmation:
  url: "{asked}"
  {hosts}
  pending: {{status: 200, body: {{$.state: pending}}}}
  responses:
    - {{outcome: delivered, status: 200, body: {{$.state: done}}}}
    - {{outcome: rejected, body: {{$.state: failed}}, capture: {{reason: $.why, code: $.code}}}}
  every: 20ms
  until: {until}
idempotent: true
limits: {{concurrency: 1}}
"""
KEY = "key-4f9a1c77"
USAGE, FINDINGS, UNREACHABLE = 2, 1, 4


class Jobs:
    """What the partner says of each job: one state after another, the last one for good."""

    def __init__(self, partner: Partner, states: Mapping[str, list[str]], name: Callable[[int], str]) -> None:
        self.partner, self.states, self.name = partner, {job: list(each) for job, each in states.items()}, name
        partner.answer = self.answer

    def answer(self, heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        if heard.method == "POST":
            return 202, {"Content-Type": "application/json"}, json.dumps({"job": self.name(len(self.sent))}).encode()
        states = self.states[heard.target.rpartition("/")[2]]
        state = states.pop(0) if len(states) > 1 else states[0]
        if state.isdecimal():
            return int(state), {}, b""
        told = {"state": state, "why": "jane.doe.1@example.com is on the list", "code": "E42"}
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    @property
    def sent(self) -> list[Heard]:
        return [each for each in self.partner.heard if each.method == "POST"]

    @property
    def asked(self) -> list[str]:
        return [each.target for each in self.partner.heard if each.method == "GET"]


@pytest.fixture
def accepted(cli: CommandLine, partner: Partner, rows: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Jobs]:
    """Send three rows that the partner accepts, and return what it then says of their jobs."""
    monkeypatch.setenv("ACME_KEY", KEY)

    def send(
        states: Mapping[str, list[str]],
        *more: str,
        name: Callable[[int], str] = lambda _number: "J1",
        url: str = "/jobs/{reference}",
        hosts: str = "",
        until: str = "1h",
    ) -> Jobs:
        jobs = Jobs(partner, states, name)
        cli.write("acme.yaml", SPEC.format(url=partner.url, asked=url, hosts=hosts, until=until))
        assert cli("replay", "acme.yaml", rows, *more).status == 0
        return jobs

    return send


def each(cli: CommandLine) -> list[tuple[str, str | None, str | None]]:
    told = cli("runs", "show", "last", "--output", "ndjson").lines
    return [(one["outcome"], one.get("confirmation"), one.get("first_outcome")) for one in told]


def test_a_job_is_asked_about_once_a_round_however_many_rows_share_it(cli: CommandLine, accepted) -> None:
    jobs = accepted({"J1": ["pending", "pending", "done"]})
    assert each(cli) == [("delivered", "awaited", None)] * 3
    assert "3 not yet confirmed" in cli("runs", "list").out
    done = cli("runs", "confirm", "last")
    assert done.status == 0, done.err
    assert jobs.asked == ["/jobs/J1"] * 3
    assert len(jobs.sent) == 3
    assert dict(jobs.partner.heard[-1].headers)["X-Key"] == KEY
    assert each(cli) == [("delivered", "confirmed", "delivered")] * 3
    assert "not yet confirmed" not in cli("runs", "list").out
    assert cli("runs", "confirm", "last").status == 0
    assert len(jobs.asked) == 3


def test_what_the_partner_decides_otherwise_is_final_and_both_are_told(cli: CommandLine, accepted) -> None:
    jobs = accepted({"J0": ["done"], "J1": ["failed"], "J2": ["pending"]}, name=lambda number: f"J{number - 1}")
    assert cli("runs", "confirm", "last", "--once").status == FINDINGS
    assert jobs.asked == ["/jobs/J0", "/jobs/J1", "/jobs/J2"]
    assert each(cli) == [
        ("delivered", "confirmed", "delivered"),
        ("rejected", "confirmed", "delivered"),
        ("delivered", "awaited", None),
    ]
    assert cli("runs", "list", "--output", "json").json[0]["counts"] == {"delivered": 2, "rejected": 1}
    for form in ("markdown", "csv", "eml", "html"):
        cli("runs", "export", "last", "--format", form, "--out", f"run.{form}")
    shown = cli("runs", "show", "last", "--all").out
    assert "rejected, was delivered" in shown
    assert "rejected, was delivered" in (cli.folder / "run.markdown").read_text("utf-8")
    for form in ("markdown", "html"):
        assert "1 row is accepted, not yet confirmed" in (cli.folder / f"run.{form}").read_text("utf-8")
    assert "accepted, not yet decided" in (cli.folder / "run.eml").read_text("utf-8").replace("=\n", "")
    assert ",confirmed,delivered" in (cli.folder / "run.csv").read_text("utf-8")
    # A real person's values are not at hand when the partner is asked: its code is kept, not its free text.
    everything = shown + "".join(path.read_text("utf-8") for path in cli.folder.glob("run.*"))
    assert "on the list" not in everything
    assert "E42" in shown
    assert len(jobs.sent) == 3
    jobs.states["J2"] = ["done"]
    jobs.partner.heard.clear()
    assert cli("runs", "confirm", "last").status == FINDINGS
    assert jobs.asked == ["/jobs/J2"]


def test_a_row_that_was_rejected_later_may_be_sent_again(cli: CommandLine, accepted, rows: Path) -> None:
    states = {"J0": ["done"], "J1": ["failed"], "J2": ["done"]}
    jobs = accepted(states, "-e", "production", "--confirm", "acme", name=lambda number: f"J{number - 1}")
    assert cli("runs", "confirm", "last").status == FINDINGS
    again = cli(
        "replay", "acme.yaml", rows, "-e", "production", "--confirm", "acme", "--only", "rejected", "--from-run", "last"
    )
    assert again.status == 0, again.err
    assert [b"doe.2" in heard.body for heard in jobs.sent] == [False, True, False, True]


def test_a_captured_url_elsewhere_needs_the_leave_of_the_spec(cli: CommandLine, accepted) -> None:
    elsewhere = Partner()
    server = serve(elsewhere)
    elsewhere.answer = lambda _heard: (200, {"Content-Type": "application/json"}, b'{"state": "done"}')
    try:
        accepted({}, name=lambda _number: f"{elsewhere.url}/jobs/J1", url="{reference}")
        refused = cli("runs", "confirm", "last")
        assert refused.status == FINDINGS
        assert "is not the endpoint's host: nothing was asked there" in refused.err
        assert elsewhere.heard == []
        spec = cli.folder / "acme.yaml"
        host = elsewhere.url.partition("://")[2]
        spec.write_text(spec.read_text().replace('url: "{reference}"', f'url: "{{reference}}"\n  hosts: ["{host}"]'))
        allowed = cli("runs", "confirm", "last")
        assert allowed.status == 0, allowed.err
        assert f"ACME_KEY -> {host}, credentials" in allowed.err
        assert [heard.target for heard in elsewhere.heard] == ["/jobs/J1"]
    finally:
        server.shutdown()
        server.server_close()


def test_a_captured_url_at_the_endpoint_is_asked(cli: CommandLine, accepted, partner: Partner) -> None:
    jobs = accepted({"J1": ["done"]}, name=lambda _number: f"{partner.url}/any/J1", url="{reference}")
    assert cli("runs", "confirm", "last").status == 0
    assert jobs.asked == ["/any/J1"]


def test_a_killed_confirmation_goes_on(cli: CommandLine, accepted, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"J{number}" for number in range(3)]
    jobs = accepted({"J0": ["done"], "J1": ["pending"], "J2": ["done"]}, name=lambda number: names[number - 1])
    with cli.start("runs", "confirm", "last") as running:
        wait_for(lambda: jobs.asked.count("/jobs/J1") > 2)
        running.kill()
    assert [state for _, state, _ in each(cli)] == ["confirmed", "awaited", "confirmed"]
    jobs.states["J1"] = ["done"]
    jobs.partner.heard.clear()
    assert cli("runs", "confirm", "last").status == 0
    assert jobs.asked == ["/jobs/J1"]
    assert jobs.sent == []


def test_a_refused_key_stops_and_keeps_what_was_answered(cli: CommandLine, accepted) -> None:
    accepted({"J0": ["done"], "J1": ["401"], "J2": ["done"]}, name=lambda number: f"J{number - 1}")
    clear(cli("runs", "confirm", "last"), UNREACHABLE, "job J1 was 401: ", "credentials")
    assert [state for _, state, _ in each(cli)] == ["confirmed", "awaited", "awaited"]


PAGE = b"<html><title>Log in</title><form><input type=password></form></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "shown"),
    [
        (302, {"Location": "/login"}, b"", "redirects to /login"),
        (200, {"Content-Type": "text/html"}, PAGE, 'an HTML page "Log in"'),
        (403, {}, b"", "does not let this request in"),
        (404, {}, b"", "does not know this address"),
    ],
)
def test_a_wrong_set_up_stops_at_once(
    cli: CommandLine, accepted, partner: Partner, status: int, headers: Mapping[str, str], body: bytes, shown: str
) -> None:
    accepted({})
    partner.heard.clear()
    partner.answer = lambda _heard: (status, headers, body)
    clear(cli("runs", "confirm", "last"), UNREACHABLE, f"was {status}: ", shown, "J1")
    assert len(partner.heard) == 1


def test_a_rule_by_a_wide_status_decides_nothing_by_a_refused_key(cli: CommandLine, accepted, partner: Partner) -> None:
    accepted({})
    spec = cli.folder / "acme.yaml"
    spec.write_text(spec.read_text().replace("outcome: rejected, body: {$.state: failed}", "outcome: rejected"))
    partner.answer = lambda _heard: (401, {}, b"")
    clear(cli("runs", "confirm", "last"), UNREACHABLE, "401", "credentials")
    assert each(cli) == [("delivered", "awaited", None)] * 3


@pytest.mark.parametrize("state", ["404", "204", "500"])
def test_a_response_that_is_not_understood_is_told_at_once(cli: CommandLine, accepted, state: str) -> None:
    accepted({"J0": ["done"], "J1": [state, state, "done"], "J2": ["done"]}, name=lambda number: f"J{number - 1}")
    done = cli("runs", "confirm", "last")
    assert done.status == 0, done.err
    assert done.err.count(f"J1: no rule of `confirmation` matches: status {state} with an empty body came") == 1
    assert done.err.count("1 job is not understood: asked again") == 2
    assert "pending" not in done.err


def test_a_job_that_stays_pending_ends_with_its_time(cli: CommandLine, accepted) -> None:
    accepted({"J1": ["pending"]}, until="50ms")
    done = cli("runs", "confirm", "last")
    assert done.status == FINDINGS
    assert "1 job is not decided yet" in done.err


def test_production_is_asked_where_it_was_sent_to_and_nowhere_else(
    cli: CommandLine, accepted, partner: Partner
) -> None:
    jobs = accepted({"J1": ["done"]}, "-e", "production", "--confirm", "acme")
    clear(cli("runs", "confirm", "last", "--confirm", "acme2"), USAGE, "is not the partner")
    spec = cli.folder / "acme.yaml"
    text = spec.read_text()
    spec.write_text(text.replace(f"{partner.url}/live", "http://127.0.0.1:9/live"))
    clear(cli("runs", "confirm", "last"), USAGE, "was sent to", "127.0.0.1:9")
    assert jobs.asked == []
    spec.write_text(text)
    assert cli("runs", "confirm", "last").status == 0
    assert jobs.asked == ["/jobs/J1"]


@pytest.mark.parametrize("way", ["captured", "fixed", "hosts", "header"])
def test_staging_is_not_asked_about_at_the_address_of_production(cli: CommandLine, accepted, way: str) -> None:
    """The partner, the spec, or a header leads there; the staging run was not confirmed for it."""
    live = Partner()
    server = serve(live)
    try:
        port = f"127.0.0.1:{live.port}"
        names = {
            "captured": "/live/leads/7", "fixed": "7", "hosts": f"http://localhost:{live.port}/leads/7", "header": "7"
        }  # fmt: skip
        url = {"fixed": "/live/leads?x={reference}", "header": "/x/leads/{reference}"}.get(way, "{reference}")
        hosts = f'hosts: ["localhost:{live.port}"]' if way == "hosts" else ""
        jobs = accepted({"7": ["done"]}, name=lambda _number: names[way], url=url, hosts=hosts)
        spec = cli.folder / "acme.yaml"
        text = spec.read_text()
        if way == "hosts":
            text = text.replace(f"{jobs.partner.url}/live/leads", f"http://{port}/leads")
        if way == "header":
            text = text.replace(f"{jobs.partner.url}/live/leads", "https://live.example.com/x/leads")
            text = text.replace("parameters:", "parameters:\n  - {name: Host, in: header, value: live.example.com}")
        spec.write_text(text)
        assert ("RX198" in cli("validate", spec).out) is (way in ("fixed", "header"))
        if way == "fixed":
            clear(cli("certify", spec, "--yes"), 3, "confirmation: url", "production, which is guarded")
        clear(cli("runs", "confirm", "last"), USAGE, "production, which is guarded", "--confirm acme")
        clear(cli("runs", "confirm", "last", "--confirm", "acme2"), USAGE, "is not the partner")
        assert (jobs.asked, live.heard) == ([], [])
        cli("runs", "confirm", "last", "--once", "--confirm", "acme")
        assert len(jobs.asked) + len(live.heard) == 1
    finally:
        server.shutdown()
        server.server_close()


def test_a_run_for_tests_is_not_asked_about_once_its_address_is_guarded(cli: CommandLine, accepted) -> None:
    jobs = accepted({"J1": ["done"]})
    spec = cli.folder / "acme.yaml"
    spec.write_text(spec.read_text().replace("/leads", "/live/leads", 1))
    clear(cli("runs", "confirm", "last"), USAGE, "has the address of production", "--confirm acme")
    assert jobs.asked == []
    assert cli("runs", "confirm", "last", "--confirm", "acme").status == 0


def test_a_sandbox_plays_it(cli: CommandLine) -> None:
    cli.write("acme.yaml", SPEC.format(url="https://example.com", asked="/jobs/{reference}", hosts="", until="1h"))
    assert cli("test", "acme.yaml", "--sandbox", "--count", "2").status == 0
    assert cli("runs", "confirm", "last", "--once").status == FINDINGS
    done = cli("runs", "confirm", "last")
    assert done.status == 0, done.err
    assert "2 jobs are still pending" in done.err
    assert each(cli) == [("delivered", "confirmed", "delivered")] * 2


def test_without_a_way_to_ask_it_says_so(cli: CommandLine, accepted) -> None:
    accepted({})
    spec = cli.folder / "acme.yaml"
    text = spec.read_text()
    spec.write_text(text[: text.index("confirmation:")] + "idempotent: true\n")
    clear(cli("runs", "confirm", "last"), USAGE, "does not say how to ask", "confirmation")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_as_many_jobs_are_asked_about_at_a_time_as_the_limits_allow(
    cli: CommandLine, partner: Partner, accepted, concurrency: int
) -> None:
    rows = cli.write("more.csv", "email\n" + "".join(f"jane.doe.{row}@example.com\n" for row in range(9)))
    names = [f"J{number}" for number in range(1, 10)]
    jobs = accepted({job: ["done"] for job in names}, name=lambda number: f"J{number}")
    spec = cli.write(
        "acme.yaml", Path("acme.yaml").read_text().replace("concurrency: 1", f"concurrency: {concurrency}")
    )
    assert cli("replay", spec, rows, "--concurrency", 1).status == 0
    lock, flying, most = threading.Lock(), 0, 0
    answer, jobs.partner.heard[:] = partner.answer, []

    def slowly(heard: Heard) -> tuple[int, Mapping[str, str], bytes]:
        nonlocal flying, most
        with lock:
            flying += 1
            most = max(most, flying)
        time.sleep(0.05)
        with lock:
            flying -= 1
        return 200, {"Content-Type": "application/json"}, b'{"state": "done"}'

    partner.answer = slowly
    assert answer is not slowly and cli("runs", "confirm", "last").status == 0
    assert most == concurrency and len(set(jobs.asked)) == 9 and len(jobs.asked) == 9

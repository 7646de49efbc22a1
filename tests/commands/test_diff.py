"""`diff` through the real command line: planted changes and nothing else, no socket for runs, nothing half-done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.commands.conftest import ROOT, CommandLine, Heard, Partner, Result, clear, interrupt, spec_text

FINDINGS, USAGE, WRONG, UNREACHABLE, JOURNAL = 1, 2, 3, 4, 5
ROWS = 1_000
JSON = {"Content-Type": "application/json"}

SPEC = """\
spec_version: 1
partner: acme
documentation: https://example.com/api
contact: {{name: Jane Doe}}
endpoint:
  staging: "{url}/staging/leads"
  production: "{url}/production/leads"
encoding: json
parameters:
  - {{name: email, attribute: email, required: true}}
  - {{name: person.first, attribute: firstname}}
  - {{name: ref, attribute: confirmationref}}   # theirs, up to 20 characters
responses:
  - outcome: delivered
    status: 200-299
    body: {{$.ok: true}}
    capture: {{reference: $.id}}
    examples:
      - status: 201
        body: '{{"ok": true, "id": "483920192", "at": "2026-01-02T03:04:05Z", "points": 5, "list": "leads"}}'
  - outcome: rejected
    status: 422
    capture: {{reason: $.detail}}
    examples:
      - {{status: 422, body: '{{"ok": false, "detail": "not taken"}}'}}
  - {{outcome: failed, status: 5xx}}
limits: {{timeout: 5s, connect_timeout: 2s}}
"""
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
NO_SOCKETS = """
import sys

def refuse(event, arguments):
    if event.startswith("socket.") or (event == "import" and arguments[0] == "pycurl"):
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(refuse)
"""


def people(count: int, long: int = 0) -> str:
    """A CSV of people; every `long`th has a longer reference than the others."""
    rows = (
        f"jane.doe.{n}@example.com,Jane{n % 7},R-{n:06}{'-long' if long and n % long == 0 else ''}\n"
        for n in range(count)
    )
    return "email,firstname,confirmationref\n" + "".join(rows)


@pytest.fixture
def twenty(cli: CommandLine) -> Path:
    return cli.write("twenty.csv", people(20))


@pytest.fixture
def acme(cli: CommandLine, partner: Partner) -> Path:
    partner.answer = leads
    return cli.write("acme.yaml", SPEC.format(url=partner.url))


def leads(heard: Heard) -> tuple[int, dict[str, str], bytes]:
    return answered(heard)


def answered(heard: Heard, **more: object) -> tuple[int, dict[str, str], bytes]:
    """Say that a lead was taken, with more facts where it is production that was asked."""
    told: dict[str, object] = {"ok": True, "id": "1", "points": 5}
    return 201, JSON, json.dumps({**told, **(more if "production" in heard.target else {})}).encode()


BETWEEN = ("--between", "staging", "production")
CONFIRMED = (*BETWEEN, "--confirm", "acme")


def found(done: Result) -> list[tuple[str, str, int, str]]:
    return [(one["kind"], one["path"], one["count"], one["detail"]) for one in done.json["differences"]]


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


def test_sandboxes_of_its_own_do_not_differ_nor_remember(cli: CommandLine, acme: Path, twenty: Path) -> None:
    for _ in range(2):
        done = cli("diff", acme, twenty, *BETWEEN, "--sandbox", "--output", "json")
        assert (done.status, done.json["outcomes"]) == (0, [{"a": "delivered", "b": "delivered", "count": 20}]), (
            done.out
        )
    assert cli("test", acme, twenty, "--sandbox", "--output", "json").json["counts"] == {"delivered": 20}


def test_invented_people_are_the_same_on_both_sides(cli: CommandLine, acme: Path, partner: Partner) -> None:
    done = cli("diff", acme, "--count", 5, *CONFIRMED, "--test-data")
    assert done.status == 0, done.err
    assert {heard.body for heard in partner.heard[:5]} == {heard.body for heard in partner.heard[5:]}


def test_two_runs_are_compared_without_a_socket(cli: CommandLine, acme: Path, twenty: Path, partner: Partner) -> None:
    for name, tier in (("before", 1), ("after", "1")):
        partner.answer = lambda heard, tier=tier: answered(heard, tier=tier)
        cli("replay", acme, twenty, "-e", "production", "--confirm", "acme", "--again", "--record", "all",
            "--name", name, "--quiet")  # fmt: skip
    cli.write("sitecustomize.py", NO_SOCKETS)
    alone = {"PYTHONPATH": os.pathsep.join([str(cli.folder), str(ROOT)])}
    refused = cli.process("test", acme, env=alone)
    assert "AssertionError" in refused.err or "internal error" in refused.err
    done = cli.process("diff", "--runs", "before", "after", "--output", "json", env=alone)
    assert done.status == FINDINGS, done.err
    assert found(done) == [("type", "$.tier", 20, "number → string")]
    assert (done.json["a"], done.json["b"]) == ("production, before", "production, after")


# --- production


@pytest.mark.parametrize("more", [(), ("--confirm", "acme2"), ("--test-data",)])
def test_unconfirmed_nothing_is_sent_to_either_side(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, more: tuple[str, ...]
) -> None:
    clear(cli("diff", acme, twenty, *BETWEEN, *more), USAGE, "acme")
    assert partner.heard == []
    assert cli("runs", "list", "--output", "json").json == []


def test_people_that_production_has_are_not_sent_again_unless_told(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    first = cli("diff", acme, twenty, *CONFIRMED)
    second = cli("diff", acme, twenty, *CONFIRMED)
    third = cli("diff", acme, twenty, *CONFIRMED, "--again")
    assert (first.status, second.status, third.status) == (0, USAGE, 0)
    assert "production answered all 20 rows before" in second.err and "or add --again" in second.err
    in_production = [heard for heard in partner.heard if "production" in heard.target]
    assert (len(in_production), len(partner.heard)) == (40, 80)


def test_people_that_production_has_are_left_out_and_what_is_new_is_compared(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    few = cli.write("few.csv", people(3))
    assert cli("diff", acme, few, *CONFIRMED).status == 0
    done = cli("diff", acme, twenty, *CONFIRMED)
    assert done.status == FINDINGS
    assert "3 rows were left out (rows 1, 2, 3): production has them already (--again sends them)" in done.err
    assert "No differences found in 17 rows. 3 rows had no counterpart." in done.out


@pytest.mark.parametrize("status", [409, 422])
def test_rows_that_production_answered_before_may_be_duplicate_or_rejected_again(
    cli: CommandLine, twenty: Path, partner: Partner, status: int
) -> None:
    rules = "responses:\n  - {outcome: duplicate, status: 409}"
    spec = cli.write("acme.yaml", SPEC.format(url=partner.url).replace("responses:", rules))
    partner.answer = lambda _heard: (201, JSON, b'{"ok": true}')
    assert cli("diff", spec, twenty, *CONFIRMED).status == 0
    partner.answer = lambda _heard: (status, JSON, b"{}")
    again = cli("diff", spec, twenty, *CONFIRMED, "--again", "--output", "json")
    assert (again.status, again.json["pairs"], again.json["only_in_a"]["count"]) == (0, 20, 0)
    assert "unexpected outcomes" not in again.err


def test_where_the_rest_cannot_be_sent_nothing_is_sent(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    assert cli("diff", acme, twenty, *CONFIRMED).status == 0
    partner.heard.clear()
    rest = cli.write("rest.csv", people(20) + ",Jo,R\n" + people(2).partition("\n")[2])
    done = cli("diff", acme, rest, *CONFIRMED)
    clear(
        done, USAGE, "production answered 22 of 23 rows before", "no other row can go to both sides", "or add --again"
    )
    assert partner.heard == []


def test_again_is_no_remedy_for_rows_that_production_may_have(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    cli.write("acme.yaml", acme.read_text("utf-8").replace("timeout: 5s", "timeout: 200ms", 1))
    partner.delay = 1
    few = cli.write("few.csv", people(1))
    cli("replay", acme, few, "-e", "production", "--confirm", "acme", "--quiet")
    partner.heard.clear()
    for more in ((), ("--again",)):
        done = cli("diff", acme, few, *CONFIRMED, *more)
        clear(done, USAGE, "production answered the only row before, or may have them")
        assert "add --again" not in done.err
    assert partner.heard == []


def test_rows_that_neither_side_could_be_sent_prove_nothing(cli: CommandLine, acme: Path) -> None:
    rows = cli.write("rows.csv", "email,firstname\n,Jane\n,John\n")
    done = cli("diff", acme, rows, *BETWEEN, "--sandbox")
    assert done.status == FINDINGS
    assert "No response of production could be compared with one of staging. 2 rows could be" in done.out
    rows = cli.write("mixed.csv", people(3) + ",Jo,R\n")
    paths = [cli.folder / f"diff.{suffix}" for suffix in ("md", "html")]
    mixed = cli("diff", acme, rows, *BETWEEN, "--sandbox", *(word for path in paths for word in ("--report", path)))
    assert mixed.status == 0
    assert mixed.out.startswith("No differences found in 3 rows")
    assert "1 row could be sent to neither side" in mixed.out
    for text in (mixed.out, *(path.read_text("utf-8") for path in paths)):
        assert "Why rows are invalid in staging" in text
        assert "1 row: email is required: the value is empty" in text


def test_what_only_one_side_has_is_a_finding(cli: CommandLine, acme: Path, twenty: Path) -> None:
    few = cli.write("few.csv", people(3))
    for name, rows in (("all", twenty), ("few", few)):
        assert cli("test", acme, rows, "--sandbox", "--forget", "--name", name).status == 0
    done = cli("diff", "--runs", "all", "few", "--report", cli.folder / "diff.html")
    assert done.status == FINDINGS
    assert "No differences found in 3 rows" in done.out and "17 rows had no counterpart." in done.out
    assert "17 rows had no counterpart" in (cli.folder / "diff.html").read_text("utf-8")


@pytest.mark.parametrize("status, most", [(500, 3), (302, 1)])
def test_production_stops_early_and_what_there_is_is_compared(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, status: int, most: int
) -> None:
    partner.answer = lambda heard: (status, {}, b"") if "production" in heard.target else answered(heard)
    done = cli("diff", acme, twenty, *CONFIRMED, "--no-first-row-check", "--output", "json")
    assert (done.status, done.json["pairs"], done.json["only_in_a"]["count"]) == (FINDINGS, most, 20 - most)
    assert len([heard for heard in partner.heard if "production" in heard.target]) == most
    assert "is interrupted: not all of its transactions are in it" in " ".join(done.json["notes"])


def test_a_side_that_is_out_of_reach_keeps_the_other_from_being_sent_to(
    cli: CommandLine, twenty: Path, partner: Partner
) -> None:
    text = SPEC.format(url=partner.url).replace(f"{partner.url}/staging", "http://127.0.0.1:9")
    done = cli("diff", cli.write("acme.yaml", text), twenty, *CONFIRMED, "--output", "json")
    clear(done, UNREACHABLE, "not compared")
    assert partner.heard == []
    assert [run["environment"] for run in cli("runs", "list", "--output", "json").json] == ["staging"]


def test_variables_of_both_sides_are_looked_at_before_either_is_sent_anything(
    cli: CommandLine, twenty: Path, partner: Partner
) -> None:
    text = SPEC.format(url=partner.url).replace("/production/leads", "/{{ env.ACME_PATH }}/leads")
    done = cli("diff", cli.write("acme.yaml", text), twenty, *CONFIRMED)
    clear(done, WRONG, "production", "ACME_PATH")
    assert partner.heard == []


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


def test_a_control_run_shows_what_varies_by_itself_and_sends_nothing_twice(
    cli: CommandLine, acme: Path, partner: Partner
) -> None:
    rows = cli.write("rows.csv", people(60))
    asked: list[tuple[str, str]] = []

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        asked.append((heard.target, heard.body.decode()))
        # Staging's cache is cold from its 31st request on, production's always.
        cold = "production" in heard.target or len([1 for target, _ in asked if "staging" in target]) > 30
        return 201, JSON, json.dumps({"ok": True, "id": "1", "cache": "MISS" if cold else "HIT"}).encode()

    partner.answer = answer
    flags = (acme, rows, *CONFIRMED, "--count", 30, "--output", "json")
    done = cli("diff", *flags, "--control", 30)
    assert done.status == 0, done.out
    assert [one["path"] for one in done.json["undecided"]] == ["$.cache"]
    assert "staging varies by itself" in done.json["undecided"][0]["reason"]
    assert len(asked) == len(set(asked)) == 90


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--count", 15, "--control", 10), "after row 15 there are 5 rows, and the control run needs 10"),
        (("--control", 10), "a control run sends the rows that follow the compared ones"),
    ],
)
def test_a_control_run_without_enough_rows(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner, flags: tuple[object, ...], said: str
) -> None:
    partner.answer = lambda heard: pytest.fail("something was sent")
    done = cli("diff", acme, twenty, *CONFIRMED, *flags)
    assert done.status == USAGE
    assert said in done.err


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


SETTINGS = {
    "ignored": ("{ignore: [$.tier, $.points, $.items, $.price, x-plan], headers: [X-Plan]}", set()),
    "unordered": ("{unordered: [$.items]}", {"$.tier", "$.points", "$.price"}),
    "tolerant": ("{tolerance: {$.price: 0.5}}", {"$.tier", "$.points", "$.items"}),
    "subset": ("{mode: subset}", {"$.points", "$.items", "$.price"}),
    "schema": ("{mode: schema}", {"$.tier", "$.points"}),
    "headers": ("{headers: [X-Plan]}", {"$.tier", "$.points", "$.items", "$.price", "header x-plan"}),
}


@pytest.mark.parametrize("case", SETTINGS)
def test_the_specs_own_settings(cli: CommandLine, acme: Path, twenty: Path, partner: Partner, case: str) -> None:
    settings, places = SETTINGS[case]

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        common = {"items": ["a", "b"], "price": 10.0}
        there = {"items": ["b", "a"], "price": 10.25, "points": "5", "tier": 1}
        in_production = "production" in heard.target
        body = {"ok": True, "id": "1", "points": 5, **common, **(there if in_production else {})}
        return 201, {**JSON, "X-Plan": "b" if in_production else "a"}, json.dumps(body).encode()

    partner.answer = answer
    acme.write_text(acme.read_text(encoding="utf-8") + f"diff: {settings}\n", encoding="utf-8")
    done = cli("diff", acme, twenty, *CONFIRMED, "--output", "json")
    assert {place for _, place, _, _ in found(done)} == places
    assert done.status == (FINDINGS if places else 0)
    # Two runs are compared as the spec says that they went with, named or not.
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json]
    assert found(cli("diff", "--runs", runs[1], runs[0], "--output", "json")) == found(done)


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


def test_the_next_command_names_the_files_that_were_given(
    cli: CommandLine, acme: Path, twenty: Path, partner: Partner
) -> None:
    partner.answer = lambda heard: (201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode())
    rows = cli.write("rows.csv", people(30) + ",Jo,R\n" + people(50).partition("\n")[2])
    done = cli("diff", acme, rows, "--count", 5, *CONFIRMED)
    assert f"rokt-export diff {acme} {rows} --between staging production --count 76\n" in done.out
    assert "2 of 5 rows shown" in done.out
    mapped = cli.write("mapped.csv", people(99).replace("email,", "address,").replace("jane", "john"))
    shown = cli("diff", acme, mapped, "--count", 5, *CONFIRMED, "--map", "address=email", "--set", "firstname=Jo").out
    words = shown.partition(f"rokt-export diff {acme} {mapped} --between staging production --count 45 ")[2]
    assert words.startswith("--map address=email --set 'firstname=…'\n")
    few = cli("diff", acme, twenty, "--count", 5, *CONFIRMED, "--again")
    assert "Or send 40 rows or more that no guarded environment has answered before." in few.out
    assert "--between staging production" not in few.out


def test_a_file_that_goes_away_costs_the_next_command_and_not_the_comparison(
    cli: CommandLine, acme: Path, partner: Partner
) -> None:
    rows = cli.write("rows.csv", people(80))

    def answer(_heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if len(partner.heard) == 10:
            rows.unlink()
        return 201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode()

    partner.answer = answer
    done = cli("diff", acme, rows, "--count", 5, *CONFIRMED)
    assert (done.status, len(partner.heard)) == (0, 10), done.err
    assert "5 rows" in done.out and "--between staging production --count" not in done.out


def test_two_sides_that_are_not_guarded_need_no_key(cli: CommandLine, acme: Path, partner: Partner) -> None:
    rows = cli.write("rows.csv", people(80))
    cli("replay", acme, rows, "-e", "production", "--confirm", "acme", "--quiet")
    (cli.folder / "config" / "rokt-export" / "key").unlink()
    partner.answer = lambda _heard: (201, JSON, json.dumps({"ok": True, "id": os.urandom(16).hex()}).encode())
    acme.write_text(acme.read_text("utf-8").replace("  production:", f'  test: "{partner.url}/test"\n  production:'))
    done = cli("diff", acme, rows, "--count", 5, "--between", "staging", "test")
    assert done.status == 0, done.err
    assert "--between staging test --count 40" in done.out


def test_sixty_columns_are_enough(cli: CommandLine, acme: Path, twenty: Path, partner: Partner) -> None:
    partner.answer = lambda heard: answered(heard, points="a long text of a partner " * 20)
    done = cli("diff", acme, twenty, *CONFIRMED, env={"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"})
    assert max(map(len, done.out.splitlines())) <= 60


# --- bad input


def test_runs_of_different_partners(cli: CommandLine, acme: Path, twenty: Path) -> None:
    other = cli.write("other.yaml", acme.read_text(encoding="utf-8").replace("partner: acme", "partner: other"))
    for spec in (acme, other):
        cli("test", spec, twenty, "--quiet")
    runs = [one["run"] for one in cli("runs", "list", "--output", "json").json]
    clear(cli("diff", "--runs", *runs), USAGE, "is of other, run", "of acme", "runs list")


def test_runs_of_different_versions_of_the_spec_say_so(cli: CommandLine, acme: Path, twenty: Path) -> None:
    cli("test", acme, twenty, "--name", "one", "--quiet")
    acme.write_text(acme.read_text(encoding="utf-8") + "# another version\n", encoding="utf-8")
    cli("test", acme, twenty, "--name", "two", "--quiet")
    done = cli("diff", "--runs", "one", "two", "--output", "json")
    assert done.status == 0
    assert "different versions of the spec" in " ".join(done.json["notes"])


def test_a_run_is_not_compared_with_itself(cli: CommandLine, acme: Path, twenty: Path) -> None:
    assert cli("test", acme, twenty, "--sandbox", "--forget", "--name", "stg").status == 0
    clear(cli("diff", "--runs", "stg", "last"), USAGE, "would be compared with itself")


def test_runs_without_a_transaction_in_common(cli: CommandLine, acme: Path, twenty: Path) -> None:
    others = cli.write("others.csv", people(40).replace("R-", "S-").replace("jane", "john"))
    cli("test", acme, twenty, "--name", "one", "--quiet")
    cli("test", acme, others, "--name", "two", "--quiet")
    clear(cli("diff", "--runs", "one", "two"), USAGE, "have no transaction in common", "Compare runs of the same file")


def test_purged_runs_are_compared_as_far_as_they_go(cli: CommandLine, acme: Path, twenty: Path) -> None:
    for name in ("one", "two"):
        cli("test", acme, twenty, "--name", name, "--quiet")
    cli("runs", "purge", "one", "--quiet", "--yes")
    done = cli("diff", "--runs", "one", "two")
    assert done.status == 0, done.err
    assert re.search(r"Run \S+ was purged", done.out)
    assert "has no recordings" not in done.out


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


def test_a_run_of_diff_is_not_resumed(cli: CommandLine, acme: Path, twenty: Path) -> None:
    cli("diff", acme, twenty, *BETWEEN, "--sandbox", "--name", "mine", "--quiet")
    clear(cli("runs", "resume", "mine-staging"), USAGE, "was a `diff`, which cannot be resumed", "rokt-export diff")

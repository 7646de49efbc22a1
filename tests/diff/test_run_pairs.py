"""Two runs of one journal compared, with partners on real sockets."""

from __future__ import annotations

import http.client
import json
import random
import resource
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from exchange_deliveries import delivery_of

from rokt_export.diff import DiffResult
from rokt_export.diff.run_pairs import compare_runs, learn
from rokt_export.errors import UsageError
from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response, Timings
from rokt_export.journal import Journal, RunState
from rokt_export.journal.recording import record
from rokt_export.partner_spec.loading import load_spec
from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.redaction import Redactor
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.sandbox.options import SandboxOptions
from rokt_export.sandbox.server import Sandbox
from rokt_export.transactions.transaction import Transaction

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: https://staging.example.com/leads
  production: https://api.example.com/leads
authentication: {type: api_key, name: X-Key, value: "{{ env.ACME_KEY }}"}
encoding: json
parameters:
  - {name: email, attribute: email, required: true}
  - {name: person.first, attribute: firstname}
  - {name: zip, attribute: zipcode}
responses:
  - outcome: delivered
    status: 200-299
    body: {$.ok: true}
    capture: {reference: $.id}
    examples:
      - {status: 201, body: '{"ok": true, "id": "483920192", "points": 5, "list": "leads"}'}
  - outcome: rejected
    status: 422
    capture: {reason: $.detail}
    examples:
      - {status: 422, body: '{"ok": false, "detail": "not taken"}'}
  - {outcome: failed, status: 5xx, retry: true}
"""
ROWS = 1_000


@pytest.fixture
def spec(tmp_path: Path) -> PartnerSpec:
    return load(tmp_path, SPEC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def load(folder: Path, text: str) -> PartnerSpec:
    file = folder / "acme.yaml"
    file.write_text(text)
    return load_spec(file).spec


def people(rows: int = ROWS) -> list[Transaction]:
    return [
        Transaction(
            row, f"t-{row:04}", {"email": f"jane{row}@example.com", "firstname": "Jane", "zipcode": "00123"}, True
        )
        for row in range(1, rows + 1)
    ]


def deliver(
    journal: Journal,
    spec: PartnerSpec,
    base_url: str,
    transactions: list[Transaction],
    *,
    events: tuple[str, ...] = ("people.csv",),
    environment: str = "staging",
    recorded: bool = True,
    sha: str = "0" * 64,
    person: bool = False,
) -> str:
    """Send transactions to a server, one after the other, and return the run they became."""
    renderer = Renderer(spec, environment, {"ACME_KEY": "k-123456"}, base_url=base_url)
    classifier, redactor = Classifier(spec.responses), Redactor(secrets={"ACME_KEY": "k-123456"})
    address = urlsplit(base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    writer = journal.begin(
        command="replay", partner=spec.partner, environment=environment, spec_file="acme.yaml", spec_sha256=sha,
        events=events,
    )  # fmt: skip
    settled, recordings = [], {}
    for transaction in transactions:
        request = renderer.sign(renderer.render(transaction))
        began = time.time()
        connection.request(request.method, urlsplit(request.url).path, request.body, dict(request.headers))
        answer = connection.getresponse()
        response = Response(
            answer.status, tuple(answer.getheaders()), answer.read(), Timings(total=time.time() - began)
        )
        exchange = Exchange(transaction, request, response, classifier.classify(response), 1, began)
        settled.append(delivery_of(exchange))
        personal = [str(value) for value in transaction.values.values()] if person else []
        recordings[transaction.row] = record(exchange, redactor, personal).dump()
    connection.close()
    store(journal, writer, settled, recordings if recorded else {})
    return writer.run


def store(journal: Journal, writer: Any, settled: list[Delivery], recordings: dict[int, bytes]) -> None:
    writer.intend([(one.row, one.transaction, None) for one in settled])
    writer.settle(settled, recordings)
    writer.end(RunState.FINISHED, 0)


def diff(journal: Journal, a: str, b: str, **options: Any) -> DiffResult:
    return compare_runs(journal, journal.find(a), journal.find(b), **options)


def found(result: DiffResult) -> list[tuple[str, str, int]]:
    return [(str(one.kind), one.path, one.count) for one in result.differences]


@contextmanager
def partner(answer: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> Iterator[str]:
    """A partner that answers each JSON body as it is told."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, data = answer(body)
            raw = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(seed: int, *, planted: bool = False) -> Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]:
    """An echoing partner with random identifiers and the time of day; or the same with three planted changes."""
    chance = random.Random(seed)

    def answer(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if planted and body["email"].startswith("jane7"):
            return 422, {"ok": False, "detail": f"{body['email']} is not taken"}
        data = {
            "ok": True,
            "id": chance.randrange(10**9),
            "trace": str(uuid.UUID(int=chance.getrandbits(128))),
            "token": "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=12)),
            "created": datetime.now(UTC).isoformat(),
            "at": time.time(),
            "echo": {"email": body["email"].upper(), "person": [body["person"]]},
            "node": f"web-{chance.randrange(3)}",
            "points": "5" if planted else 5,
        }
        return 201, {**data, "extra": {"deep": 1}} if planted else data

    return answer


# --- what must show


def test_exactly_three_planted_changes_are_reported(journal, spec):
    with partner(answering(1)) as staging, partner(answering(2, planted=True)) as production:
        a = deliver(journal, spec, staging, people())
        b = deliver(journal, spec, production, people(), environment="production")
    result = diff(journal, a, b)
    rejected = sum(str(row).startswith("7") for row in range(1, ROWS + 1))
    assert found(result) == [
        ("outcome", "outcome", rejected),
        ("extra", "$.extra", ROWS - rejected),
        ("type", "$.points", ROWS - rejected),
    ]
    assert [one.detail for one in result.differences] == ["delivered → rejected", "", "number → string"]
    assert (result.a, result.b, result.pairs, result.notes) == ("staging", "production", ROWS, ())
    assert {one.path for one in result.undecided} == {"$.id", "$.trace", "$.token", "$.node"}


def test_an_echoing_partner_that_did_not_change_gives_an_empty_diff(journal, spec):
    with partner(answering(1)) as staging, partner(answering(2)) as production:
        a = deliver(journal, spec, staging, people())
        b = deliver(journal, spec, production, people(), environment="production")
    result = diff(journal, a, b)
    assert not result.differs, result.differences
    assert result.agrees
    assert result.bodies == ROWS
    assert result.latency_a.p50 is not None


def test_two_sandboxes_one_with_three_planted_changes(journal, spec, tmp_path):
    changed = SPEC.replace('"points": 5, "list"', '"points": "5", "tier": 1, "list"')
    changed = changed.replace("attribute: zipcode}", "attribute: zipcode, max_length: 4}")
    odd = [
        Transaction(t.row, t.id, {**t.values, "zipcode": "12345" if t.row % 10 == 0 else "123"}, True) for t in people()
    ]
    runs = []
    for sold in (spec, load(tmp_path, changed)):
        with Sandbox(sold, SandboxOptions(), variables={"ACME_KEY": "k-123456"}) as sandbox:
            runs.append(deliver(journal, spec, sandbox.base_url, odd))
    result = diff(journal, *runs)
    assert found(result) == [
        ("outcome", "outcome", ROWS // 10),
        ("extra", "$.tier", ROWS * 9 // 10),
        ("type", "$.points", ROWS * 9 // 10),
    ]


def test_two_sandboxes_of_one_spec_do_not_differ(journal, spec):
    runs = []
    for _ in range(2):
        with Sandbox(spec, SandboxOptions(), variables={"ACME_KEY": "k-123456"}) as sandbox:
            runs.append(deliver(journal, spec, sandbox.base_url, people(300)))
    assert not diff(journal, *runs).differs


def test_real_people_stand_as_tokens_and_still_echo(journal, spec):
    with partner(answering(1)) as staging, partner(answering(2)) as production:
        a = deliver(journal, spec, staging, people(60), person=True)
        b = deliver(journal, spec, production, people(60), person=True)
    result = diff(journal, a, b)
    assert not result.differences
    assert "jane" not in str(result)


def test_what_was_learned_goes_into_the_spec(journal, spec, tmp_path):
    file = tmp_path / "learning.yaml"
    file.write_text("# ours\n" + SPEC + "diff:\n  mode: strict  # always\n")
    with partner(answering(1)) as staging, partner(answering(2)) as production:
        runs = [deliver(journal, spec, url, people(60)) for url in (staging, production)]
    added = learn(file, diff(journal, *runs))
    assert set(added) >= {"$.id", "$.token"}
    assert file.read_text().startswith("# ours\n" + SPEC + "diff:\n  mode: strict  # always\n  varies:\n    $.")
    settings = load_spec(file).spec.diff
    again = diff(journal, *runs, settings=settings)
    assert not again.differs
    assert not again.undecided
    assert learn(file, again) == {}


# --- joining


def written(
    journal: Journal,
    rows: list[tuple[int, str, str]],
    outcome: OutcomeKind = OutcomeKind.REJECTED,
    recorded: tuple[int, ...] = (),
    **options: Any,
) -> str:
    """A run of which only row, transaction and reason are of interest, and which rows were recorded."""
    begun = {
        "command": "replay",
        "partner": "acme",
        "environment": "staging",
        "spec_file": "a.yaml",
        "events": ["e.csv"],
    }
    writer = journal.begin(**{**begun, "spec_sha256": "0" * 64, **options})
    settled = [Delivery(row, transaction, outcome, 422, "no", reason, attempts=1) for row, transaction, reason in rows]
    store(journal, writer, settled, dict.fromkeys(recorded, b"-"))
    return writer.run


def test_rows_are_joined_by_number_where_the_file_is_the_same(journal):
    a = written(journal, [(1, "t1", "x"), (2, "t2", "x"), (4, "t4", "x")])
    b = written(journal, [(2, "t2", "x"), (3, "t3", "x"), (4, "t4", "y")])
    result = diff(journal, a, b)
    assert found(result) == [("reason", "reason", 1)]
    assert (result.pairs, result.only_in_a.samples, result.only_in_b.samples) == (2, ("t1",), ("t3",))
    assert sum("has no recordings" in note for note in result.notes) == 2


def test_rows_are_joined_by_transaction_in_whatever_order(journal):
    rows = [(row, f"t{row}", "x") for row in range(1, 1201)]
    shuffled = [
        (at, transaction, "y" if transaction == "t7" else "x") for at, (_, transaction, _) in enumerate(rows, 1)
    ]
    random.Random(3).shuffle(shuffled)
    shuffled = [(at, transaction, reason) for at, (_, transaction, reason) in enumerate(shuffled, 1)]
    for events in (["other.csv"], ["e.csv"]):  # another file, and the same one, changed in between
        a, b = written(journal, [*rows, (1201, "only", "x")]), written(journal, shuffled, events=events)
        result = diff(journal, a, b)
        assert (result.pairs, found(result)) == (1200, [("reason", "reason", 1)])
        assert result.differences[0].samples[0].transaction == "t7"
        assert (result.only_in_a.samples, result.only_in_b.count) == (("only",), 0)


def test_a_transaction_that_comes_twice_is_joined_in_turn(journal):
    a = written(journal, [(1, "t", "first"), (2, "t", "second"), (3, "t", "third")])
    b = written(journal, [(7, "t", "first"), (9, "t", "second")], events=["other.csv"])
    result = diff(journal, a, b)
    assert (result.pairs, result.differs, result.only_in_a.count) == (2, False, 1)


def test_recordings_are_found_whatever_the_order(journal, spec):
    with partner(answering(1)) as url:
        a = deliver(journal, spec, url, people(30))
        moved = [Transaction(31 - t.row, t.id, t.values, True) for t in reversed(people(30))]
        b = deliver(journal, spec, url, moved, events=("moved.csv",))
        c = deliver(journal, spec, url, people(30), recorded=False)
    result = diff(journal, a, b)
    assert (result.bodies, result.differs, result.notes) == (30, False, ())
    result = diff(journal, a, c)
    assert (result.bodies, result.differs) == (0, False)
    assert any(f"Run {c} has no recordings" in note for note in result.notes)


def test_a_run_that_recorded_other_rows_has_recordings(journal):
    some, all_rows = ([(row, f"t{row}", "x") for row in range(1, rows + 1)] for rows in (4, 8))
    a, b = written(journal, some), written(journal, all_rows, recorded=(7, 8))
    first, second = diff(journal, a, b).notes
    assert first.startswith(f"Run {a} has no recordings: ")
    assert second.startswith(f"Run {b} recorded none of these rows: ")


def test_a_note_names_a_run_by_a_name_that_is_its_own(journal):
    rows = [(row, f"t{row}", "x") for row in range(1, 4)]
    first, second, other = (written(journal, rows, name=name) for name in ("nightly", "nightly", "morning"))
    assert [note.partition(" has")[0] for note in diff(journal, first, other).notes] == ["Run nightly", "Run morning"]
    assert [note.partition(" has")[0] for note in diff(journal, first, second).notes] == [
        f"Run {first}",
        f"Run {second}",
    ]
    assert diff(journal, first, second).a == f"staging, {first}"


def test_rows_that_were_not_sent_need_no_recording(journal):
    rows = [(1, "t1", "no email"), (2, "t2", "no email")]
    a, b = (written(journal, rows, outcome=OutcomeKind.INVALID) for _ in "ab")
    assert diff(journal, a, b).notes == ()


def test_made_up_transactions_are_compared_as_equivalent(journal):
    a, b = (written(journal, [(1, f"{run}-1", "x")], events=[]) for run in "ab")
    result = diff(journal, a, b)
    assert result.pairs == 1
    assert "equivalent" in result.notes[0]


def test_runs_that_cannot_be_compared(journal):
    a = written(journal, [(1, "t1", "x")])
    with pytest.raises(UsageError, match="no transaction in common") as caught:
        diff(journal, a, written(journal, [(1, "t2", "x")]))
    assert caught.value.exit_status == 2
    assert caught.value.remedy
    with pytest.raises(UsageError, match=r"is of acme, run .* of other"):
        diff(journal, a, written(journal, [(1, "t1", "x")], partner="other"))
    with pytest.raises(UsageError, match="no transaction in common"):
        diff(journal, a, written(journal, []))


def test_runs_of_different_specs_are_compared_with_a_warning(journal):
    a, b = written(journal, [(1, "t1", "x")]), written(journal, [(1, "t1", "x")], spec_sha256="1" * 64)
    result = diff(journal, a, b)
    assert "different versions of the spec" in result.notes[0]


def test_a_body_of_which_the_journal_has_only_the_beginning(journal, spec):
    def long(_body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 201, {"ok": True, "pad": "x" * 1_100_000}

    with partner(long) as url:
        runs = [deliver(journal, spec, url, people(2)) for _ in range(2)]
    result = diff(journal, *runs)
    assert not result.differs, result.differences
    assert [(one.count, one.reason) for one in result.undecided] == [
        (2, "is not compared: it was cut when it was recorded")
    ]


def test_one_whole_second_among_thousands_of_times_is_no_other_form(journal):
    runs = []
    for environment, whole in (("staging", -1), ("production", 3_333)):
        chance = random.Random(environment)
        writer = journal.begin(
            command="replay", partner="acme", environment=environment, spec_file="a.yaml", spec_sha256="0" * 64,
            events=["e.csv"],
        )  # fmt: skip
        batch, recordings = [], {}
        for row in range(5_000):
            moment = datetime.now(UTC).replace(microsecond=0 if row == whole else chance.randrange(1, 999_999))
            exchange = made_up(row + 1, environment, lambda _sent, at=moment: (201, {"id": 1, "at": at.isoformat()}))
            batch.append(delivery_of(exchange))
            recordings[row + 1] = record(exchange, Redactor()).dump()
        writer.intend([(one.row, one.transaction, None) for one in batch])
        writer.settle(batch, recordings)
        writer.end(RunState.FINISHED, 0)
        runs.append(writer.run)
    result = diff(journal, *runs)
    assert (result.pairs, result.differs) == (5_000, False)


@pytest.mark.soak
def test_two_runs_of_100_000_rows(journal):
    began = time.process_time()
    for environment in ("staging", "production"):
        writer = journal.begin(
            command="replay", partner="acme", environment=environment, spec_file="a.yaml", spec_sha256="0" * 64,
            events=["e.csv"],
        )  # fmt: skip
        chance, redactor = random.Random(environment), Redactor()
        answer = answering(chance.randrange(100))
        for first in range(1, 100_001, 500):
            batch, recordings = [], {}
            for row in range(first, first + 500):
                exchange = made_up(row, environment, answer)
                batch.append(delivery_of(exchange))
                recordings[row] = record(exchange, redactor).dump()
            writer.intend([(one.row, one.transaction, None) for one in batch])
            writer.settle(batch, recordings)
        writer.end(RunState.FINISHED, 0)
    written = time.process_time() - began
    runs = journal.runs()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # what a session of many tests has had in memory
    began = time.process_time()
    result = compare_runs(journal, runs[1], runs[0])
    compared = time.process_time() - began
    print(f"{compared:.1f} s of one core, {compared / written:.2f} x writing")
    assert compared < 2.5 * written  # machines differ, work does not
    assert (result.pairs, result.differs) == (100_000, False)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100 * 1024


def made_up(row: int, environment: str, answer: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]) -> Exchange:
    sent = {"email": f"jane{row}@example.com", "person": {"first": "Jane", "last": f"Doe{row}"}, "zip": "00123"}
    json_type = (("Content-Type", "application/json"),)
    request = Request("POST", f"https://{environment}.example.com/leads", json_type, json.dumps(sent).encode())
    status, data = answer(sent)
    response = Response(status, json_type, json.dumps(data).encode(), Timings(total=0.02))
    outcome = Outcome(OutcomeKind.DELIVERED, "ok", reference=str(data["id"]))
    return Exchange(Transaction(row, f"t-{row}", {}, True), request, response, outcome, 1, time.time())

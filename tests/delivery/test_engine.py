"""The engine against real servers on loopback: what it sends again, when it waits, and when it stops."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from commands.conftest import Heard, Partner, serve

from rokt_export.delivery.credentials import Credentials
from rokt_export.delivery.engine import Engine
from rokt_export.delivery.events import (
    Event,
    Finished,
    Intended,
    Paced,
    Progress,
    Retrying,
    Settled,
    StopReason,
    Withdrawn,
)
from rokt_export.delivery.input_feed import FileFeed, LiveFeed
from rokt_export.delivery.plan import Pace
from rokt_export.delivery.stop_rules import StopRules
from rokt_export.errors import TransactionsError, UnreachableError
from rokt_export.exchange.model import Exchange, Fault, FaultKind, OutcomeKind, Request, Timings
from rokt_export.journal.recording import KEPT_BYTES, WAITING_BYTES
from rokt_export.partner_spec.loading import load_spec
from rokt_export.request.render import Renderer
from rokt_export.response.classify import Classifier
from rokt_export.transactions.transaction import Transaction
from rokt_export.transport import Transport, TransportOptions
from rokt_export.transport.http11_requests import Messages
from rokt_export.transport.libcurl_requests import Transfer

DELIVERED, FAILED, UNKNOWN = OutcomeKind.DELIVERED, OutcomeKind.FAILED, OutcomeKind.UNKNOWN
INVALID, UNCLASSIFIED = OutcomeKind.INVALID, OutcomeKind.UNCLASSIFIED

SPEC = """\
spec_version: 1
partner: acme
endpoint:
  staging: {url}/leads
authentication: {authentication}
encoding: json
parameters:
  - {{name: id, attribute: transactionid, required: true}}
responses:
  - {{outcome: failed, status: 429, retry: true{after}}}
  - {{outcome: delivered, status: 2xx}}
  - {{outcome: failed, status: 5xx, retry: true}}
  - {{outcome: rejected, status: 401}}
idempotent: {idempotent}
"""


def settled_in(event: Event) -> Settled | None:
    return event.settled if isinstance(event, Intended) else event if isinstance(event, Settled) else None


class Run:
    """What an engine told, sorted."""

    def __init__(self, events: list[Event]) -> None:
        self.events = events
        self.finished = next((event for event in events if isinstance(event, Finished)), None)
        self.exchanges: list[Exchange] = [
            exchange for event in events if (over := settled_in(event)) for exchange in over.exchanges
        ]
        self.messages = [event.message for event in events if isinstance(event, Paced)]
        self.withdrawn = [each.row for event in events if isinstance(event, Withdrawn) for each in event.transactions]

    @property
    def outcomes(self) -> Counter[OutcomeKind]:
        return Counter(exchange.outcome.kind for exchange in self.exchanges)

    @property
    def rows(self) -> list[int]:
        return sorted(exchange.transaction.row for exchange in self.exchanges)


class Bench:
    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.engine: Engine | None = None

    def run(
        self,
        rows: int | Iterator[Transaction | None],
        *,
        authentication: str = "none",
        after: str = "",
        idempotent: bool = True,
        listen: Callable[[Event], None] = lambda _event: None,
        timeout: float = 5.0,
        **options: object,
    ) -> Run:
        text = SPEC.format(url=self.url, authentication=authentication, after=after, idempotent=str(idempotent).lower())
        path = self.folder / "acme.yaml"
        path.write_text(text)
        spec = load_spec(path).spec
        renderer = Renderer(spec, "staging", {})
        pace = Pace(**{"concurrency": 4, "backoff": 0.01, **options})
        events: list[Event] = []
        with Transport(TransportOptions(timeout=timeout, connect_timeout=1.0, max_connections=64)) as transport:
            feed = FileFeed(iter(people(rows)) if isinstance(rows, int) else rows)
            self.engine = Engine(
                feed, renderer, Classifier(spec.responses), transport, Credentials(renderer, {}), pace,
                repeatable=idempotent,
            )  # fmt: skip
            try:
                for event in self.engine.run():
                    events.append(event)
                    listen(event)
            finally:
                self.events = events
        return Run(events)


def people(count: int) -> list[Transaction]:
    return [Transaction(row, f"tx{row}", {"transactionid": f"tx{row}"}) for row in range(1, count + 1)]


@pytest.fixture
def bench(tmp_path: Path, partner: Partner) -> Bench:
    return Bench(tmp_path, partner.url)


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    server = serve(made)
    yield made
    server.shutdown()
    server.server_close()


Answer = tuple[int, Mapping[str, str], bytes]
OK: Answer = (200, {}, b"{}")


def ids(partner: Partner) -> list[str]:
    return [json.loads(heard.body)["id"] for heard in partner.heard if heard.body.startswith(b"{")]


def failing_first(times: int, answer: Answer) -> Callable[[Heard], Answer]:
    """Answer each transaction's first requests so, and the later ones well."""
    seen: Counter[bytes] = Counter()
    lock = threading.Lock()

    def respond(heard: Heard) -> Answer:
        with lock:
            seen[heard.body] += 1
            return answer if seen[heard.body] <= times else OK

    return respond


# --- order and books


def test_each_row_is_intended_before_it_is_sent_and_settled_once(bench, partner):
    intended: set[str] = set()
    early: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, Intended):
            early.extend(set(ids(partner)) - intended)
            intended.update(each.id for each in event.transactions)

    run = bench.run(300, listen=listen)
    assert early == []
    assert run.rows == list(range(1, 301))
    assert run.finished == Finished(StopReason.COMPLETE)
    assert sorted(ids(partner)) == sorted(f"tx{row}" for row in range(1, 301))


def test_one_at_a_time_is_file_order_on_the_wire(bench, partner):
    bench.run(30, concurrency=1)
    assert ids(partner) == [f"tx{row}" for row in range(1, 31)]


@pytest.mark.parametrize(("delay", "batch"), [(0.05, 2 * 8), (0.0, 500)])
def test_never_more_are_open_than_in_flight_and_one_batch(bench, partner, delay, batch):
    partner.delay = delay
    open_rows: set[int] = set()
    most = 0

    def listen(event: Event) -> None:
        nonlocal most
        if (over := settled_in(event)) is not None:
            open_rows.difference_update(each.transaction.row for each in over.exchanges)
        if isinstance(event, Intended):
            open_rows.update(each.row for each in event.transactions)
        most = max(most, len(open_rows))

    bench.run(round(200 + 40 * batch) if not delay else 200, concurrency=8, listen=listen)
    assert 8 < most <= 8 + batch


def test_an_input_that_breaks_off_is_delivered_as_far_as_it_goes(bench):
    def breaking() -> Iterator[Transaction]:
        yield from people(7)
        raise TransactionsError("the file cannot be read further")

    with pytest.raises(TransactionsError):
        bench.run(breaking())
    run = Run(bench.events)
    assert run.rows == [1, 2, 3, 4, 5, 6, 7]
    assert run.outcomes == {DELIVERED: 7}


def test_rows_that_cannot_be_rendered_cost_no_waiting(bench, partner):
    started = time.monotonic()
    run = bench.run(iter([Transaction(row, f"row-{row}", {}) for row in range(1, 2001)]), concurrency=2)
    assert run.outcomes == {INVALID: 2000}
    assert time.monotonic() - started < 3.0
    assert partner.heard == []


# --- retries


def test_what_a_rule_lets_be_repeated_is_repeated_if_the_partner_says_it_may(bench, partner):
    partner.answer = failing_first(2, (500, {}, b"{}"))
    run = bench.run(3)
    assert run.outcomes == {DELIVERED: 3}
    assert [exchange.attempts for exchange in run.exchanges] == [3, 3, 3]
    assert Counter(ids(partner)) == {"tx1": 3, "tx2": 3, "tx3": 3}


def test_without_idempotency_nothing_is_sent_twice_whatever_a_rule_says(bench, partner):
    partner.answer = failing_first(1, (500, {}, b"{}"))
    run = bench.run(3, idempotent=False)
    assert run.outcomes == {FAILED: 3}
    assert Counter(ids(partner)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("patience", [0.0, 5.0])
def test_an_answer_that_says_later_leaves_open_what_became_of_the_attempt_before(bench, partner, patience):
    """Taken and not answered, then 503: it may be there, so it is not `failed`, which anybody may send again."""
    tries: Counter[bytes] = Counter()

    def respond(heard: Heard) -> Answer:
        tries[heard.body] += 1
        if tries[heard.body] == 1:
            time.sleep(0.5)
        return 503, {"Retry-After": "0"}, b"{}"

    partner.answer = respond
    run = bench.run(1, timeout=0.3, attempts=2, patience=patience)
    (exchange,) = run.exchanges
    assert (exchange.outcome.kind, exchange.attempts) == (UNKNOWN, 2)
    assert sum(tries.values()) == 2


def test_a_definite_answer_decides_over_an_unanswered_attempt_before(bench, partner):
    tries: Counter[bytes] = Counter()

    def respond(heard: Heard) -> Answer:
        tries[heard.body] += 1
        if tries[heard.body] == 1:
            time.sleep(0.5)
        return 401, {}, b"{}"

    partner.answer = respond
    run = bench.run(1, timeout=0.3, attempts=2)
    assert [exchange.outcome.kind for exchange in run.exchanges] == [OutcomeKind.REJECTED]


def test_attempts_are_counted_to_the_limit(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"{}")
    run = bench.run(2, attempts=4)
    assert [exchange.attempts for exchange in run.exchanges] == [4, 4]
    assert run.outcomes == {FAILED: 2}


def test_retries_are_a_share_of_the_traffic(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"{}")
    run = bench.run(200, attempts=3)
    assert len(run.exchanges) == 200
    assert 200 < len(partner.heard) <= 200 + 10 + 0.2 * 200 + 1


def test_waits_between_attempts_are_jittered_and_double_up_to_their_limit(bench, partner, monkeypatch):
    asked: list[float] = []

    def uniform(low: float, high: float) -> float:
        asked.append(high)
        return low

    monkeypatch.setattr("rokt_export.delivery.pacing.random.uniform", uniform)
    partner.answer = failing_first(9, (500, {}, b"{}"))
    bench.run(1, attempts=5, backoff=0.05, backoff_limit=0.15)
    assert asked == pytest.approx([0.05, 0.1, 0.15, 0.15])


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "value", "after"),
    [
        ("Retry-After", lambda: "1", ", after: {header: Retry-After}"),
        ("Retry-After", lambda: format_datetime(in_seconds(2), usegmt=True), ", after: {header: Retry-After}"),
        ("X-RateLimit-Reset", lambda: str(time.time() + 1), ", after: {header: X-RateLimit-Reset, unit: epoch}"),
        ("X-Wait-Ms", lambda: "1000", ", after: {header: X-Wait-Ms, unit: ms}"),
        ("Retry-After", lambda: "1", ""),
    ],
)
def test_the_wait_that_a_partner_asks_for_is_kept(bench, partner, header, value, after):
    moments: list[float] = []
    first = failing_first(1, (429, {}, b"{}"))

    def respond(heard: Heard) -> Answer:
        moments.append(time.monotonic())
        status, _, body = first(heard)
        return status, {header: value()} if status == 429 else {}, body

    partner.answer = respond
    run = bench.run(1, after=after)
    assert run.outcomes == {DELIVERED: 1}
    assert 0.9 <= moments[1] - moments[0] < 3.0


def test_429_slows_all_and_successes_bring_the_pace_back(bench, partner):
    busy = failing_first(1, (429, {}, b"{}"))
    partner.answer = lambda heard: busy(heard) if b'"tx40"' in heard.body else OK
    run = bench.run(200, concurrency=16)
    assert run.outcomes[DELIVERED] == 200
    assert run.messages == ["the partner answers 429: slowing to 8 at once"]
    assert bench.engine is not None
    assert bench.engine._pacer.limit > 8


def test_a_row_that_is_settled_by_429_is_told_to_be(bench, partner):
    partner.answer = failing_first(1, (429, {}, b"{}"))
    run = bench.run(1, concurrency=1, idempotent=False)
    assert run.outcomes == {FAILED: 1}
    assert run.messages == ["the partner answers 429: slowing to 1 at once; its row is failed, and not sent again"]


def test_a_partner_that_is_overloaded_for_a_while_costs_few_rows(bench, partner):
    until = time.monotonic() + 1.0
    partner.answer = lambda _heard: (503, {}, b"{}") if time.monotonic() < until else OK
    run = bench.run(400, concurrency=16)
    assert run.outcomes[DELIVERED] >= 395
    assert len(partner.heard) < 600


def test_a_partner_that_takes_nothing_stops_the_run_when_patience_is_over(bench, partner):
    partner.answer = lambda _heard: (429, {}, b"{}")
    run = bench.run(5_000, concurrency=16, patience=1.0, idempotent=False)
    assert run.finished is not None
    assert run.finished.reason is StopReason.UNREACHABLE
    assert run.finished.message == "the partner takes nothing: it answers 429 each time"
    assert len(partner.heard) == run.outcomes[FAILED] < 60


# --- a partner that is down


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_partner_that_comes_up_late_is_waited_for_and_nothing_is_lost(bench):
    made, port = Partner(), closed_port()
    bench.url = f"http://127.0.0.1:{port}"
    servers = []
    late = threading.Timer(0.8, lambda: servers.append(serve(made, port)))
    late.start()
    run = bench.run(20, patience=10.0, idempotent=False)
    late.join()
    servers[0].shutdown()
    servers[0].server_close()
    assert run.outcomes == {DELIVERED: 20}
    assert any("out of reach" in message for message in run.messages)
    assert "the partner is back" in run.messages
    assert Counter(ids(made)).most_common(1)[0][1] == 1


def test_patience_ends_and_what_was_not_sent_is_withdrawn(bench):
    bench.url = f"http://127.0.0.1:{closed_port()}"
    started = time.monotonic()
    run = bench.run(50, patience=0.6)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert run.exchanges == []
    assert sorted(run.withdrawn)[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert time.monotonic() - started < 5.0


def test_what_may_have_been_received_is_not_undone_by_an_attempt_that_never_went_out(bench):
    listener, taken = socket.create_server(("127.0.0.1", 0)), []

    def take_one_and_go() -> None:
        taken.append(listener.accept()[0])
        taken[0].recv(65536)
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()

    bench.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    gone = threading.Thread(target=take_one_and_go)
    gone.start()
    run = bench.run(1, patience=0.0, timeout=0.3)
    gone.join()
    taken[0].close()
    assert run.outcomes == {UNKNOWN: 1}


def test_without_patience_the_first_rows_say_why(bench):
    bench.url = f"http://127.0.0.1:{closed_port()}"
    run = bench.run(50, patience=0.0)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert 3 <= len(run.exchanges) <= 4
    assert run.outcomes == {FAILED: len(run.exchanges)}
    assert "connection refused" in str(run.exchanges[0].error)


@pytest.fixture(params=[b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"], ids=["nothing", "a beginning"])
def swallower(request: pytest.FixtureRequest) -> Iterator[tuple[str, list[int], str]]:
    """A gateway whose partner is gone: it takes each request, and closes, or answers in part; and how that is told."""
    taken: list[int] = []
    words = "does not answer in full" if request.param else "does not answer:"
    listener = socket.create_server(("127.0.0.1", 0))

    def swallow() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2.0)
                if connection.recv(65536):
                    taken.append(1)
                    connection.sendall(request.param)

    thread = threading.Thread(target=swallow, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken, words
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_gateway_that_takes_and_never_answers_does_not_swallow_the_file(bench, swallower):
    bench.url, taken, words = swallower
    run = bench.run(5000, patience=1.0, idempotent=False)
    assert run.finished is not None and run.finished.reason is StopReason.UNREACHABLE
    assert f"the partner {words}" in run.finished.message
    assert run.outcomes == {UNKNOWN: len(taken)}
    assert 10 <= len(taken) <= 20


def test_a_request_that_cannot_be_sent_says_nothing_about_the_partner(bench, partner, monkeypatch):
    plainly, prepare = Messages.of, Transfer.prepare

    def not_plain(self, request):
        return None if b"tx3" in (request.body or b"") else plainly(self, request)

    def refused(self, token, request, origin, **more):
        if b"tx3" in (request.body or b""):
            raise ValueError("a line break")
        return prepare(self, token, request, origin, **more)

    monkeypatch.setattr(Messages, "of", not_plain)
    monkeypatch.setattr(Transfer, "prepare", refused)
    started = time.monotonic()
    run = bench.run(6, patience=30.0)
    assert run.outcomes == {DELIVERED: 5, FAILED: 1}
    assert time.monotonic() - started < 3.0


# --- when to stop


def test_the_first_unclassified_answer_stops_one_at_a_time_at_once(bench, partner):
    partner.answer = lambda heard: (418, {}, b"{}") if b"tx3" in heard.body else OK
    run = bench.run(20, concurrency=1, stop=StopRules(unclassified=True))
    assert run.finished == Finished(StopReason.UNCLASSIFIED, "no rule explains an answer")
    assert ids(partner) == ["tx1", "tx2", "tx3"]
    assert run.outcomes == {DELIVERED: 2, UNCLASSIFIED: 1}


def test_so_many_failures_stop(bench, partner):
    partner.answer = lambda heard: (400, {}, b"{}") if int(json.loads(heard.body)["id"][2:]) % 2 else OK
    run = bench.run(100, concurrency=1, stop=StopRules(failures=4))
    assert run.finished == Finished(StopReason.FAILURES, "4 unexpected outcomes")
    assert len(partner.heard) == 7


def test_so_many_in_a_row_stop_and_one_success_between_starts_anew(bench, partner):
    bad = {2, 3, 5, 6, 7, 8}
    partner.answer = lambda heard: (400, {}, b"{}") if int(json.loads(heard.body)["id"][2:]) in bad else OK
    run = bench.run(100, concurrency=1, stop=StopRules(consecutive=3))
    assert run.finished == Finished(StopReason.CONSECUTIVE, "3 unexpected outcomes in a row")
    assert len(partner.heard) == 7


def test_a_stop_waits_for_answers_and_withdraws_the_rest(bench, partner):
    partner.delay = 0.6

    def listen(event: Event) -> None:
        if isinstance(event, Intended) and bench.engine is not None:
            threading.Timer(0.3, bench.engine.stop).start()

    run = bench.run(50, listen=listen)
    assert run.finished == Finished(StopReason.INTERRUPTED)
    assert run.outcomes == {DELIVERED: len(partner.heard)}
    assert not {*run.rows} & {*run.withdrawn}


def test_leaving_at_once_leaves_what_is_in_flight_unknown(bench, partner):
    partner.delay = 3.0

    def listen(event: Event) -> None:
        if isinstance(event, Intended) and bench.engine is not None:
            threading.Timer(0.2, bench.engine.abandon).start()

    started = time.monotonic()
    run = bench.run(50, listen=listen)
    assert time.monotonic() - started < 2.0
    assert run.outcomes == {UNKNOWN: 4}
    assert len(partner.heard) == 4


def test_our_own_leaving_is_no_sign_of_life_from_a_partner_that_went_silent(bench, partner):
    partner.delay = 3.0
    silent = False

    def listen(event: Event) -> None:
        nonlocal silent
        silent = silent or isinstance(event, Paced)
        trying = isinstance(event, Progress) and event.in_flight
        if silent and trying and bench.engine is not None:
            bench.engine.abandon()

    run = bench.run(200, listen=listen, timeout=0.6, idempotent=False, patience=30.0, concurrency=8)
    assert any("does not answer" in message for message in run.messages)
    assert not any("is back" in message for message in run.messages)


def test_while_many_rows_are_left_out_answers_are_heard_and_a_stop_is_too(bench, partner):
    skipped = 0

    def rows() -> Iterator[Transaction | None]:
        nonlocal skipped
        yield people(1)[0]
        while True:
            time.sleep(0.001)
            skipped += 1
            yield None

    def listen(event: Event) -> None:
        if (over := settled_in(event)) and over.exchanges and bench.engine is not None:
            bench.engine.stop()

    run = bench.run(rows(), listen=listen)
    assert run.outcomes == {DELIVERED: 1}
    assert skipped > 10


class Scripted(Transport):
    """A transport that gives the answers it was told, in their order."""

    def __init__(self, *answers: Fault) -> None:
        super().__init__()
        self.answers = list(answers)
        self.waiting: list[Any] = []

    @property
    def in_flight(self) -> int:
        return len(self.waiting)

    def start_all(self, requests: Iterable[tuple[Any, Request]]) -> None:
        self.waiting += [token for token, _ in requests]

    def poll(self, timeout: float) -> list[tuple[Any, Any]]:
        answered = [(token, self.answers.pop(0)) for token in self.waiting]
        self.waiting.clear()
        return answered


@pytest.mark.parametrize("kind", [FaultKind.PROTOCOL, FaultKind.TLS])
def test_a_retry_that_cannot_go_out_does_not_undo_a_send_that_may_have_been_received(bench, monkeypatch, kind):
    unanswered = Fault(FaultKind.RESET_AFTER_SEND, "reset", True, Timings())
    scripted = Scripted(unanswered, Fault(kind, "it cannot be sent", False, Timings()))
    monkeypatch.setattr(f"{__name__}.Transport", lambda _options: scripted)
    run = bench.run(1)
    assert run.outcomes == {UNKNOWN: 1}
    assert [(each.answer, each.attempts) for each in run.exchanges] == [(unanswered, 1)]


def test_an_interrupt_does_not_wait_for_a_handshake(bench):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        bench.url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        threading.Timer(0.3, lambda: bench.engine.stop()).start()
        started = time.monotonic()
        run = bench.run(5, concurrency=2)
    assert time.monotonic() - started < 0.3 + 0.5
    assert run.outcomes == {}
    assert {1, 2} <= {*run.withdrawn}


# --- credentials


class TokenServer:
    """Gives out tokens, and accepts the newest of them."""

    def __init__(self, *, life: float = 3600.0) -> None:
        self.given = 0
        self.life = life
        self.down = False
        self.refuse: Callable[[str], Answer | None] = lambda _token: None

    def __call__(self, heard: Heard) -> Answer:
        if heard.target == "/token":
            if self.down:
                return 500, {}, b'{"error": "down"}'
            self.given += 1
            return 200, {}, json.dumps({"access_token": f"token-{self.given}", "expires_in": self.life}).encode()
        token = dict(heard.headers).get("Authorization", "").removeprefix("Bearer ")
        return self.refuse(token) or OK


def with_tokens(refresh: str = "{status: 401}") -> str:
    return f"{{type: oauth2, token_url: URL/token, client_id: me, client_secret: s3cret, refresh_on: {refresh}}}"


def run_with_tokens(bench: Bench, rows: int, refresh: str = "{status: 401}", **options: object) -> Run:
    authentication = with_tokens(refresh).replace("URL", bench.url)
    return bench.run(rows, authentication=authentication, idempotent=False, **options)


def test_one_token_serves_all(bench, partner):
    server = partner.answer = TokenServer()
    assert run_with_tokens(bench, 200, concurrency=16).outcomes == {DELIVERED: 200}
    assert server.given == 1


def test_a_token_is_replaced_before_it_ends(bench, partner):
    server = partner.answer = TokenServer(life=1.0)
    partner.delay = 0.05
    seen: list[str] = []
    server.refuse = lambda token: seen.append(token)
    run = run_with_tokens(bench, 60, concurrency=2)
    assert run.outcomes == {DELIVERED: 60}
    assert 2 <= server.given <= 4
    assert "token-2" in seen


def test_a_refused_token_is_replaced_once_for_all_that_were_in_flight(bench, partner):
    server = partner.answer = TokenServer()
    partner.delay = 0.02
    server.refuse = lambda token: (401, {}, b"{}") if token == "token-1" and len(partner.heard) > 40 else None
    run = run_with_tokens(bench, 120, concurrency=16)
    assert run.outcomes == {DELIVERED: 120}
    assert server.given == 2
    assert max(exchange.attempts for exchange in run.exchanges) == 2


def test_a_code_in_the_body_says_so_too(bench, partner):
    server = partner.answer = TokenServer()
    expired = (200, {}, b'{"success": false, "errors": [{"code": "602"}]}')
    server.refuse = lambda token: expired if token == "token-1" else None
    run = run_with_tokens(bench, 10, "{body: {'$.errors[0].code': ['601', '602']}}")
    assert run.outcomes == {DELIVERED: 10}
    assert server.given == 2


def test_a_refusal_that_no_token_heals_stops_the_run_and_does_not_storm_the_token_server(bench, partner):
    server = partner.answer = TokenServer()
    server.refuse = lambda _token: (401, {}, b"{}")
    with pytest.raises(UnreachableError, match="refuses the new token too"):
        run_with_tokens(bench, 100)
    assert Run(bench.events).outcomes == {OutcomeKind.REJECTED: 1}  # it may have been this row alone
    assert server.given == 2


def test_one_row_that_no_token_heals_is_rejected_alone(bench, partner):
    server = partner.answer = TokenServer()

    def answer(heard: Heard) -> Answer:
        return (401, {}, b"{}") if b"tx7" in heard.body else server(heard)

    partner.answer = answer
    assert run_with_tokens(bench, 10, concurrency=1).outcomes == {OutcomeKind.REJECTED: 1, DELIVERED: 9}


def test_a_token_server_that_gives_the_refused_token_again_stops_the_run(bench, partner):
    def answer(heard: Heard) -> Answer:
        if heard.target == "/token":
            return 200, {}, b'{"access_token": "the-same", "expires_in": 3600}'
        return (401, {}, b"{}") if len(partner.heard) > 10 else OK

    partner.answer = answer
    with pytest.raises(UnreachableError, match="gives the same token again"):
        run_with_tokens(bench, 40, concurrency=2)
    assert set(Run(bench.events).outcomes) == {DELIVERED}


def test_a_token_server_that_fails_early_does_not_stop_a_token_that_is_still_good(bench, partner):
    server = partner.answer = TokenServer(life=10.0)  # replaced after 8 s
    run = run_with_tokens(bench, 3)
    assert run.outcomes == {DELIVERED: 3}
    source = bench.engine._credentials._tokens[0]
    other = Credentials(bench.engine._renderer, {})  # as in another process: it never fetched one itself
    other._tokens[0]._store = source._store
    other.ready()
    due = source._store.read()._replace(good_until=time.monotonic() - 1)
    for each in (source, other._tokens[0]):
        each._token = due
    source._store.write(due)
    server.down = True
    request = Request("GET", bench.url, ())
    for each in (bench.engine._credentials, other):
        each.ready()
        assert each.on(request).header("Authorization") == "Bearer token-1"
    source._thread.join()
    source.wait()
    source._token = due._replace(ends=time.monotonic() - 1)
    source._store.write(source._token)
    with pytest.raises(UnreachableError):
        bench.engine._credentials.ready()


def test_a_token_server_that_fails_when_it_is_needed_ends_the_run_with_books_in_order(bench, partner):
    server = partner.answer = TokenServer()
    partner.delay = 0.02

    def refuse(token: str) -> Answer | None:
        if len(partner.heard) > 30:
            server.down = True
            return 401, {}, b"{}"
        return None

    server.refuse = refuse
    with pytest.raises(UnreachableError):
        run_with_tokens(bench, 200, concurrency=8)
    run = Run(bench.events)
    sent = {int(name[2:]) for name in ids(partner)}
    assert set(run.outcomes) == {DELIVERED}  # nothing is settled by a refused token: those rows are as good as not sent
    assert len(run.rows) == len(set(run.rows))
    assert sent <= {*run.rows, *run.withdrawn}
    assert set(run.withdrawn).isdisjoint(run.rows)


# --- a live input


def test_a_live_row_is_sent_as_it_arrives(bench, partner):
    arrive = threading.Event()

    def live() -> Iterator[Transaction]:
        yield people(1)[0]
        arrive.wait(5)
        yield people(2)[1]

    woken: list[float] = []
    feed = LiveFeed(live(), lambda: woken.append(time.monotonic()))
    deadline = time.monotonic() + 5
    first: list[Transaction] = []
    while not first and time.monotonic() < deadline:
        first = feed.take(10)
    assert [each.row for each in first] == [1]
    assert feed.take(10) == []
    assert not feed.exhausted
    arrive.set()
    rest: list[Transaction] = []
    while not feed.exhausted and time.monotonic() < deadline:
        rest += feed.take(10)
    assert [each.row for each in rest] == [2]
    assert len(woken) == 3


# -- long answers


def test_of_a_long_answer_only_the_beginning_stays_in_memory(bench, partner):
    partner.answer = lambda _heard: (200, {}, b"x" * 1_000_000)
    run = bench.run(20)
    assert {(len(each.answer.body), each.answer.size) for each in run.exchanges} == {(KEPT_BYTES, 1_000_000)}
    most = max(len(over.exchanges) for event in run.events if (over := settled_in(event)))
    assert most * KEPT_BYTES < 8_000_000


def test_of_a_long_answer_that_waits_for_another_attempt_less_stays_in_memory(bench, partner):
    partner.answer = lambda _heard: (500, {}, b"x" * 1_000_000)

    def listen(event: Event) -> None:
        if isinstance(event, Retrying):
            bench.engine.stop()

    run = bench.run(1, listen=listen, attempts=3)
    assert [(len(each.answer.body), each.answer.size) for each in run.exchanges] == [(WAITING_BYTES, 1_000_000)]

"""OAuth tokens that are fetched, shared, renewed and refused, against a real token server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from commands.conftest import Heard
from engine_bench import DELIVERED, OK, Answer, Bench, Run, ids

from rokt_export.delivery.attempt_credentials import AttemptCredentials
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import OutcomeKind, Request


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
    other = AttemptCredentials(bench.engine._renderer, {})  # as in another process: it never fetched one itself
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

"""Credentials that servers nobody here wrote accept, and what happens when they do not."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from rokt_export.authentication.base import NoCredential, NotChecked
from rokt_export.authentication.bearer import Bearer
from tests.commands.conftest import CommandLine, Heard, Partner

BASIC = "{type: basic, username: u, password: '{{ env.PASSWORD }}'}"
DIGEST = "{type: digest, username: u, password: '{{ env.PASSWORD }}'}"
BEARER = "{type: bearer, token: '{{ env.PASSWORD }}'}"
CUSTOM = "{type: custom, auth: 'requests.auth:HTTPBasicAuth', options: {username: u, password: '{{ env.PASSWORD }}'}}"


def _spec(cli: CommandLine, url: str, authentication: str) -> Path:
    # The transaction travels in a header: httpbin's digest fails on a query.
    return cli.write(
        "auth.yaml",
        f"spec_version: 1\npartner: acme\nendpoint: {{staging: '{url}'}}\nauthentication: {authentication}\n"
        "method: GET\nencoding: none\nparameters: [{name: X-Email, in: header, attribute: email}]\n"
        "responses: [{outcome: delivered, status: 200}, {outcome: failed, status: [401, 403]}]\n",
    )


@pytest.mark.parametrize(
    ("path", "authentication"),
    [
        ("/basic-auth/u/sesame", BASIC),
        ("/hidden-basic-auth/u/sesame", BASIC),
        ("/digest-auth/auth/u/sesame", DIGEST),
        ("/digest-auth/auth/u/sesame/SHA-256", DIGEST),
        ("/digest-auth/auth/u/sesame/SHA-512", DIGEST),
        ("/digest-auth/auth-int/u/sesame/SHA-256", DIGEST),
        ("/bearer", BEARER),
        ("/basic-auth/u/sesame", CUSTOM),
    ],
    ids=[
        "basic",
        "hidden-basic",
        "digest-md5",
        "digest-sha256",
        "digest-sha512",
        "digest-auth-int",
        "bearer",
        "custom",
    ],
)
def test_httpbin_lets_us_in(cli: CommandLine, httpbin: str, path: str, authentication: str) -> None:
    done = cli(
        "test", _spec(cli, httpbin + path, authentication), "--count", 3, "--output", "json",
        "--allow-plugin", "requests.auth:HTTPBasicAuth", env={"PASSWORD": "sesame"},
    )  # fmt: skip
    assert (done.status, done.json["counts"]) == (0, {"delivered": 3}), done.out


@pytest.mark.parametrize(
    ("path", "authentication"),
    [("/basic-auth/u/sesame", BASIC), ("/digest-auth/auth/u/sesame", DIGEST)],
    ids=["basic", "digest"],
)
def test_httpbin_keeps_us_out(cli: CommandLine, httpbin: str, path: str, authentication: str) -> None:
    spec = _spec(cli, httpbin + path, authentication)
    done = cli("test", spec, "--output", "json", env={"PASSWORD": "wrong"})
    assert (done.status, done.json["counts"]) == (4, {"failed": 1})
    assert [one["status"] for one in done.json["deliveries"]] == [401]


@pytest.mark.parametrize(
    "authentication",
    [BEARER, "{type: api_key, name: X-Key, value: '{{ env.PASSWORD }}'}"],
    ids=["bearer", "api_key"],
)
@pytest.mark.parametrize("secret", ["sesame\n", "sesame\r\nX: y", "ses\x00ame", "ses\u2028ame"], ids=ascii)
def test_a_credential_that_makes_no_header_is_found_before_the_first_send(
    cli: CommandLine, partner: Partner, authentication: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "PASSWORD"
    if "\0" in secret:  # no process environment can have it, and a file can
        cli.write(".env", f"{name}={secret}\n")
    else:
        monkeypatch.setenv(name, secret)
    done = cli("test", _spec(cli, partner.url, authentication), "--count", 3)
    assert (done.status, partner.heard) == (3, []), done.err
    assert "makes no header" in done.err
    assert "sesame" not in done.err
    assert cli("runs", "list", "--output", "json").json == []


def test_a_password_beyond_ascii_is_sent_as_utf_8(cli: CommandLine, httpbin: str) -> None:
    spec = _spec(cli, httpbin + "/basic-auth/u/s%C3%A9same:%25", BASIC)
    assert cli("test", spec, env={"PASSWORD": "sésame:%"}).status == 0


OAUTH = (
    "{{type: oauth2, token_url: '{url}/token', client_id: me, client_secret: '{{{{ env.PASSWORD }}}}', "
    "refresh_on: {{status: 401}}}}"
)


def _rows(cli: CommandLine, count: int) -> Path:
    return cli.write("rows.csv", "email\n" + "".join(f"row{number}@example.com\n" for number in range(count)))


def _busy(_heard: Heard) -> tuple[int, dict[str, str], bytes]:
    return 503, {"Retry-After": "20"}, b"{}"


def test_ctrl_c_is_heard_while_the_token_server_is_waited_for(cli: CommandLine, partner: Partner) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    for url in (partner.url, f"http://127.0.0.1:{silent.getsockname()[1]}"):
        partner.answer = _busy
        spec = _spec(cli, partner.url, OAUTH.format(url=url))
        running = cli.start("replay", spec, _rows(cli, 3), env={"PASSWORD": "sesame"})
        if url == partner.url:
            while not partner.heard:
                time.sleep(0.05)
            time.sleep(0.3)
        else:
            silent.accept()
        asked = time.monotonic()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=10)
        assert running.returncode == 130
        assert (
            time.monotonic() - asked < 1.5
        )  # half a second, and what a process takes to end on a machine that is busy
    assert len(partner.heard) == 1
    assert cli("runs", "show", "last", "--output", "ndjson").lines == []
    silent.close()


def test_workers_fetch_one_token_and_fail_as_one(cli: CommandLine, partner: Partner) -> None:
    given: list[str] = []

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if heard.target != "/token":
            return 200, {}, b"{}"
        given.append(heard.target)
        return (503, {}, b"{}") if len(given) < 3 else (200, {}, b'{"access_token": "t", "expires_in": 3600}')

    partner.answer = answer
    spec = _spec(cli, partner.url, OAUTH.format(url=partner.url))
    done = cli.process("replay", spec, _rows(cli, 60), "--workers", 3, "--output", "json", env={"PASSWORD": "sesame"})
    assert (done.status, done.json["counts"]) == (0, {"delivered": 60}), done.err
    assert len(given) == 3


def test_a_run_that_no_token_was_given_to_goes_on_with_all_its_rows(cli: CommandLine, partner: Partner) -> None:
    lives = iter([True])

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if heard.target == "/token":
            return (200, {}, b'{"access_token": "t"}') if next(lives, False) else (503, {}, b"{}")
        return 401, {}, b"{}"

    partner.answer = answer
    spec = _spec(cli, partner.url, OAUTH.format(url=partner.url))
    done = cli("replay", spec, _rows(cli, 20), "--patience", "300ms", env={"PASSWORD": "sesame"})
    assert done.status == 4
    assert "answers status 503" in done.err.splitlines()[-2]
    assert cli("runs", "show", "last", "--output", "ndjson").lines == []
    partner.answer = lambda heard: (200, {}, b'{"access_token": "t2"}' if heard.target == "/token" else b"{}")
    done = cli("replay", spec, "--resume", "last", "--output", "json", env={"PASSWORD": "sesame"})
    assert (done.status, done.json["counts"]) == (0, {"delivered": 20}), done.err


TOKEN_SERVERS = {
    "a path": ({}, "token_field: tokenData.access_token", '{"tokenData": {"access_token": "Good-Token-1"}}'),
    "a form": ({"Content-Type": "application/x-www-form-urlencoded"}, "", "access_token=Good-Token-1&expires_in=60"),
    "the token alone": ({"Content-Type": "text/plain"}, "", "Good-Token-1"),
    "the token in quotes": ({}, "", '"Good-Token-1"'),
    "its prefix with it": ({}, "", '{"access_token": "bearer Good-Token-1"}'),
    "a list": ({}, "'token_field': 'data[0].token'", '{"data": [{"token": "Good-Token-1"}]}'),
    "another type": ({}, "", '{"access_token": "Good-Token-1", "token_type": "mac", "expires_in": null}'),
}


@pytest.mark.parametrize("name", TOKEN_SERVERS)
def test_token_servers_answer_in_many_forms(cli: CommandLine, partner: Partner, name: str) -> None:
    headers, field, body = TOKEN_SERVERS[name]
    asked: list[Heard] = []

    def answer(heard: Heard) -> tuple[int, dict[str, str], bytes]:
        if heard.target == "/token":
            asked.append(heard)
            busy = name == "a path" and len(asked) == 1
            return (503, {"Retry-After": "1"}, b"") if busy else (200, headers, body.encode())
        return (200 if ("Authorization", "Bearer Good-Token-1") in heard.headers else 401), {}, b"{}"

    partner.answer = answer
    more = f"headers: {{X-Client: 'app {{{{ env.CLIENT }}}}'}}, {field}, refresh_on"
    oauth = OAUTH.format(url=partner.url).replace("refresh_on", more.replace(", ,", ","))
    spec = _spec(cli, partner.url, oauth)
    done = cli("replay", spec, _rows(cli, 3), "--output", "json", env={"PASSWORD": "sesame", "CLIENT": "seven"})
    assert (done.status, done.json["counts"]) == (0, {"delivered": 3}), done.err
    assert len(asked) == (2 if name == "a path" else 1)
    sent = dict(asked[-1].headers)
    assert (sent["Accept"], sent["X-Client"]) == ("application/json", "app seven")
    assert sent["User-Agent"].startswith("rokt-export/")
    assert ("a token of type `mac`, sent as `Bearer`" in done.err) is (name == "another type")
    assert cli("test", spec, "--sandbox", "--count", 2, env={"PASSWORD": "sesame", "CLIENT": "seven"}).status == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"message": "unknown client sesame"}}', "has no `access_token`, unknown client"),
        ('{"accessToken": "Good-Token-1", "expires": 5}', "has no `access_token`; it has `accessToken`, `expires`"),
        ('{"access_token": null}', "has no token: its `access_token` is null"),
        ('{"data": {"access_token": "Good-Token-1"}}', "perhaps `token_field: data.access_token`"),
        ("<html><title>Log in</title></html>", 'an HTML page "Log in" came'),
        ("Good-Token-1 sesame", "has no `access_token`"),
    ],
)
def test_an_error_under_status_200_is_quoted(cli: CommandLine, partner: Partner, body: str, words: str) -> None:
    partner.answer = lambda _heard: (200, {}, body.encode())
    done = cli(
        "replay", _spec(cli, partner.url, OAUTH.format(url=partner.url)), _rows(cli, 1), env={"PASSWORD": "sesame"}
    )
    assert (done.status, words in done.err) == (4, True), done.err
    assert "sesame" not in done.err and "Good-Token-1" not in done.err


def test_an_algorithm_that_nobody_knows_is_said_once_and_no_row_is_sent_twice(
    cli: CommandLine, partner: Partner
) -> None:
    challenge = {"WWW-Authenticate": 'Digest realm="r", nonce="abc", algorithm=FOO'}
    partner.answer = lambda _heard: (401, challenge, b"{}")
    done = cli("replay", _spec(cli, partner.url, DIGEST), _rows(cli, 30), env={"PASSWORD": "sesame"})
    assert (done.status, done.err.count("FOO")) == (4, 1), done.err
    sent = [dict(heard.headers)["X-Email"] for heard in partner.heard]
    assert len(sent) == len(set(sent)) < 30


@pytest.mark.parametrize(
    "authentication",
    [
        "{type: hmac, secret: '{{ env.PASSWORD }}', message: '{header:X-Part}', timestamp_header: X-Time}",
        "{type: wsse, username: u, password: '{{ env.PASSWORD }}'}",
        CUSTOM,
    ],
)
def test_a_signed_request_has_every_header_of_one_name(
    cli: CommandLine, partner: Partner, authentication: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROKT_EXPORT_PLUGINS", "requests.auth:HTTPBasicAuth")
    spec = _spec(cli, partner.url, authentication)
    twice = "{name: X-Part, in: header, value: a}, {name: X-Part, in: header, value: b}"
    spec.write_text(spec.read_text().replace("parameters: [", f"parameters: [{twice}, "))
    assert cli("test", spec, env={"PASSWORD": "sesame"}).status == 0
    assert [value for name, value in partner.heard[0].headers if name == "X-Part"] == ["a", "b"]
    assert cli("test", spec, "--sandbox", env={"PASSWORD": "sesame"}).status == 0


@pytest.mark.parametrize(
    ("method", "made", "message"),
    [
        ("credential", lambda *_: NoCredential("later"), "its `credential` returns NoCredential"),
        ("verification", lambda *_: NotChecked("later"), "its `verification` returns NotChecked without a note"),
        ("uses", lambda _: (), "its `uses` leaves out PASSWORD"),
    ],
)
def test_no_command_passes_over_an_authentication_type_that_leaves_its_secret_out(
    cli: CommandLine, partner: Partner, monkeypatch: pytest.MonkeyPatch, method: str, made: Any, message: str
) -> None:
    monkeypatch.setattr(Bearer, method, made)
    spec = _spec(cli, partner.url, BEARER)
    for command in (["validate", spec], ["render", spec], ["test", spec, "--sandbox"]):
        done = cli(*command, env={"PASSWORD": "sesame"})
        assert done.status == 70
        assert "the authentication type Bearer is not finished: " in done.err
        assert message in done.err

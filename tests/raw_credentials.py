"""Token servers and digest challenges that misbehave, for `raw_partner.BEHAVIOURS`; the partner plays both servers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

from raw_partner import Asked, Connection, Play, answer, behaviour, variants

TOKEN = "raw-token-5a1f0e9c"
"""The beginning of each token: it must not be shown anywhere."""
OAUTH = {
    "type": "oauth2", "token_url": "$URL/token", "client_id": "me", "client_secret": "{{ env.RAW_SECRET }}",
    "refresh_on": {"status": 401},
}  # fmt: skip
DIGEST = {"type": "digest", "username": "me", "password": "{{ env.RAW_SECRET }}"}
ONE_WAY = ("ours",)
"""The credentials are the same in both ways of the transport."""

Tokens = Callable[[Connection, int], None]


def _given(number: int = 1, **more: object) -> str:
    return json.dumps({"access_token": f"{TOKEN}-{number}", "expires_in": 3600, **more})


def _reply(status: str, body: str | bytes = "", headers: str = "") -> bytes:
    data = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(data)}\r\n\r\n".encode() + data


def _rows(tokens: Tokens, judge: Callable[[Connection, Asked], bytes] | None = None) -> Play:
    """Return a partner whose token server answers its n-th request so, and whose endpoint takes what `judge` takes."""

    def play(connection: Connection) -> None:
        while asked := connection.read(count=False):
            if asked.target.startswith("/token"):
                number = 1
                while not connection.partner.first(f"token {number}"):
                    number += 1
                tokens(connection, number)
            else:
                connection.partner.note(asked.transaction)
                connection.send(answer(asked) if judge is None else judge(connection, asked))

    return play


def _says(*data: bytes) -> Tokens:
    """Return a token server that answers so, and its last answer again and again."""
    return lambda connection, number: connection.send(data[min(number, len(data)) - 1])


def _resets(connection: Connection, number: int) -> None:
    connection.reset() if number == 1 else connection.send(_reply("200 OK", _given()))


def _silent(connection: Connection, _number: int) -> None:
    connection.wait()


def _only_the_second(_connection: Connection, asked: Asked) -> bytes:
    return answer(asked) if f"{TOKEN}-2" in asked.head else answer(asked, "401 Unauthorized")


_GOOD, _SECOND = _reply("200 OK", _given()), _reply("200 OK", _given(2))
_BUSY = _reply("503 Service Unavailable", '{"error": "busy"}')
_HEALED = {
    "busy": _says(_BUSY, _BUSY, _GOOD),
    "throttles": _says(_reply("429 Too Many Requests", headers="Retry-After: 1\r\n"), _GOOD),
    "resets": _resets,
}
_REFUSED = {
    "refuses-400": _reply("400 Bad Request", '{"error": "invalid_client"}'),
    "refuses-401": _reply("401 Unauthorized", json.dumps({"error": [f"{TOKEN}"], "access_token": TOKEN})),
    "is-elsewhere": _reply("302 Found", headers="Location: http://127.0.0.1:1/\r\n"),
    "gives-nothing": _reply("200 OK"),
    "gives-204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "gives-html": _reply("200 OK", "<html>log in</html>", "Content-Type: text/html\r\n"),
    "is-headless": _given().encode() + b"\r\n\r\n",
    "is-deep": _reply("200 OK", "[" * 100_000),
    "is-deep-inside": _reply("200 OK", '{"access_token": ' + "[" * 100_000 + "]" * 100_000 + "}"),
}
_BAD = {
    "surrogate": "\ud800",
    "line-break": "\r\nX-Injected: 1",
    "nul": "\0",
    "beyond-ascii": "é中",
}
_LIVES = {
    "huge": _given(expires_in=0).replace(": 0}", f": 1{'0' * 400}}}"),
    "huge-float": _given(expires_in=0).replace(": 0}", ": 1e400}"),
    "nan": _given(expires_in=float("nan")),
    "text": _given(expires_in="soon"),
    "null": _given(expires_in=None),
    "negative": _given(expires_in=-5),
    "list": _given(expires_in=[3600]),
}

variants("token-server", {name: _rows(play) for name, play in _HEALED.items()}, spec={"authentication": OAUTH},
         ways=ONE_WAY, patience=5.0)  # fmt: skip
variants("token-server", {name: _rows(_says(data)) for name, data in _REFUSED.items()}, spec={"authentication": OAUTH},
         ways=ONE_WAY, patience=1.0)  # fmt: skip
variants("token-with", {name: _rows(_says(_reply("200 OK", _given(access_token=TOKEN + bad))))
                        for name, bad in _BAD.items()}, spec={"authentication": OAUTH}, ways=ONE_WAY)  # fmt: skip
variants("token-life", {name: _rows(_says(_reply("200 OK", body))) for name, body in _LIVES.items()},
         spec={"authentication": OAUTH}, ways=ONE_WAY)  # fmt: skip
variants(
    "token-server",
    {
        "down": _rows(_says(_BUSY)),
        "asks-too-much": _rows(_says(_reply("503 Service Unavailable", headers="Retry-After: 3600\r\n"))),
        "silent": _rows(_silent),
        "down-at-renewal": _rows(_says(_GOOD, _BUSY), lambda _, asked: answer(asked, "401 Unauthorized")),
    },
    spec={"authentication": OAUTH}, ways=ONE_WAY, patience=0.7,
)  # fmt: skip


@behaviour(spec={"authentication": OAUTH}, ways=ONE_WAY, patience=5.0)
def token_server_busy_at_renewal(connection: Connection) -> None:
    _rows(_says(_GOOD, _BUSY, _BUSY, _SECOND), _only_the_second)(connection)


@behaviour(spec={"authentication": OAUTH}, ways=ONE_WAY)
def token_packed(connection: Connection) -> None:
    packed = _reply("200 OK", gzip.compress(_given().encode()), "Content-Encoding: gzip\r\n")
    _rows(_says(packed))(connection)


def _challenges(*challenges: str, accepts: bool = False) -> Play:
    """Return a partner that challenges with each of these, and with the last again and again; `#` is a new number."""

    def play(connection: Connection) -> None:
        while asked := connection.read():
            number = sum(connection.partner.received.values())
            if accepts and "username=" in asked.head:
                connection.send(answer(asked))
            else:
                lines = "".join(f"WWW-Authenticate: {each.replace('#', str(number))}\r\n" for each in challenges)
                connection.send(answer(asked, "401 Unauthorized", lines))

    return play


_PLAIN = 'Digest realm="r", nonce="n#", qop="auth"'
variants(
    "digest",
    {
        "no-realm": _challenges('Digest nonce="n", qop="auth"'),
        "no-nonce": _challenges('Digest realm="r", qop="auth"'),
        "no-parameters": _challenges("Digest "),
        "no-challenge": _challenges(),
        "only-basic": _challenges('Basic realm="r"'),
        "unknown-algorithm": _challenges('Digest realm="r", nonce="n", algorithm="WHIRLPOOL"'),
        "unknown-qop": _challenges('Digest realm="r", nonce="n", qop="auth-conf"'),
        "quotes": _challenges('Digest realm="a\\"b", nonce="n\\"", qop="auth"', accepts=True),
        "stale-for-ever": _challenges(f"{_PLAIN}, stale=true"),
        "wrong-password": _challenges(_PLAIN),
        "one-nonce": _challenges('Digest realm="r", nonce="n", qop="auth"'),
        "accepted": _challenges(_PLAIN, accepts=True),
        "among-others": _challenges(f'Basic realm="r", {_PLAIN}, Negotiate, Bearer realm="x"', accepts=True),
        "huge-nonce": _challenges(f'Digest realm="r", nonce="{"n" * 60_000}"', accepts=True),
    },
    spec={"authentication": DIGEST}, ways=ONE_WAY,
)  # fmt: skip

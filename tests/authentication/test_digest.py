"""Digest challenges and their answers, against digests made by hand and a server that nobody here wrote."""

from __future__ import annotations

import hashlib

import pytest

from rokt_export.authentication.base import DigestLogin, ReceivedRequest
from rokt_export.authentication.digest import Challenge, Digest, challenges, credentials_header, digest_of
from rokt_export.delivery.digest import DigestAuth
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import Request, Response

BASIC = 'Basic realm="r"'
MD5 = 'Digest realm="r", nonce="abc", qop="auth"'
URL = "https://api.example.com/leads?a=1"


def test_sess_and_auth_int_by_hand() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    sent = {
        "algorithm": "MD5-sess",
        "realm": "r",
        "uri": "/",
        "qop": "auth-int",
        "nonce": "n",
        "nc": "1",
        "cnonce": "c",
    }
    user, request = md5(md5("u:r:p") + ":n:c"), md5("POST:/:" + md5("body"))
    assert digest_of(sent, "u", "p", "POST", b"body") == md5(f"{user}:n:1:c:auth-int:{request}")
    old = {"realm": "r", "uri": "/", "nonce": "n"}  # RFC 2069, without qop
    assert digest_of(old, "u", "p", "GET", None) == md5(f"{md5('u:r:p')}:n:{md5('GET:/')}")


@pytest.mark.parametrize(
    ("headers", "schemes"),
    [
        ([BASIC, MD5], ["basic", "digest"]),
        ([f"{BASIC}, {MD5}, Negotiate, Bearer realm=x"], ["basic", "digest", "negotiate", "bearer"]),
        (['Negotiate YII=,DIGEST Realm=r ,\tNONCE = "abc"'], ["negotiate", "digest"]),
        ([", ,Digest"], ["digest"]),
        (['realm="r"'], []),
        ([""], []),
    ],
)
def test_each_challenge_is_found(headers: list[str], schemes: list[str]) -> None:
    found = challenges(headers)
    assert [each.scheme for each in found] == schemes
    for each in found:
        if each.scheme == "digest" and each.parameters:
            assert (each.parameters["realm"], each.parameters["nonce"]) == ("r", "abc")


def test_quotes_in_a_challenge() -> None:
    assert challenges(['Digest realm="a, \\"b\\"", nonce=n']) == [
        Challenge("digest", {"realm": 'a, "b"', "nonce": "n"})
    ]


KNOWN = ["MD5", "MD5-sess", "SHA-256", "sha-256-SESS", "SHA-512-256", "SHA-512-256-sess"]


@pytest.mark.parametrize("algorithm", KNOWN)
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_a_sandbox_accepts_each_algorithm(algorithm: str, qop: str) -> None:
    settings = Digest.model_validate({"type": "digest", "username": "Zoë", "password": "p"})
    verify = settings.verification(str, lambda _name: lambda _data: ()).verify

    def received(headers: dict[str, str]) -> ReceivedRequest:
        return ReceivedRequest("POST", "/leads", "a=1", _Headers(headers), b"body")

    first = verify(received({}))
    assert first is not None and first.challenge is not None
    challenge = challenges([first.challenge])[0].parameters | {"algorithm": algorithm, "qop": qop}
    for password in ("p", "wrong"):
        header = credentials_header(challenge, DigestLogin("Zoë", password), "POST", URL, b"body", 1)
        assert (verify(received({"Authorization": header})) is None) is (password == "p")


class _Headers(dict[str, str]):
    def getall(self, key: str, default: list[str]) -> list[str]:
        return [self[key]] if key in self else default


def _answered(*headers: str) -> str:
    auth = DigestAuth(DigestLogin("u", "p"))
    request = Request("POST", URL, (), b"body")
    assert auth.on(request) is request
    assert auth.renewed(request, Response(401, tuple(("WWW-Authenticate", each) for each in headers), b""))
    return auth.on(request).header("Authorization") or ""


@pytest.mark.parametrize(
    ("headers", "algorithm", "qop"),
    [
        ([BASIC, MD5], None, "auth"),
        (['Digest realm="r", nonce="abc", algorithm=SHA-512-256, qop="auth"', MD5], "SHA-512-256", "auth"),
        (['Digest realm="r", nonce="abc", algorithm=FOO', MD5], None, "auth"),
        (['Digest realm="r", nonce="abc", qop="auth-conf"', MD5], None, "auth"),
        (['digest qop="auth-int,auth", algorithm="sha-256", nonce=abc, realm=r'], "sha-256", "auth"),
        (['Digest realm="r", nonce="abc", qop="auth-int"'], None, "auth-int"),
        (['Digest realm="r", nonce="abc", qop=""'], None, None),
        (['Digest realm="r", nonce="abc"'], None, None),
    ],
)
def test_the_first_challenge_that_we_know_is_answered(
    headers: list[str], algorithm: str | None, qop: str | None
) -> None:
    (found,) = challenges([_answered(*headers)])
    assert (found.parameters.get("algorithm"), found.parameters.get("qop")) == (algorithm, qop)
    assert found.parameters["uri"] == "/leads?a=1"


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([BASIC, "Negotiate"], "it offers Basic, Negotiate only"),
        (['Digest realm="r", nonce="abc", algorithm=FOO'], "it wants FOO, which is not supported"),
        (['Digest realm="r", nonce="abc", qop="auth-conf"'], "MD5 with qop `auth-conf`"),
        ([], "there is none"),
    ],
)
def test_a_challenge_that_cannot_be_answered(headers: list[str], why: str) -> None:
    with pytest.raises(UnreachableError, match=why):
        _answered(*headers)

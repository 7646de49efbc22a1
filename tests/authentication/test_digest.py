"""Digest challenges and their answers, against digests made by hand and a server that nobody here wrote."""

from __future__ import annotations

import hashlib

import pytest
from delivery.digest_challenges import BASIC, MD5, URL

from rokt_export.authentication.base import DigestLogin, ReceivedRequest
from rokt_export.authentication.digest import Challenge, Digest, challenges, credentials_header, digest_of


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

"""Digest challenges of a partner: the first that is known is answered on the next request."""

from __future__ import annotations

import pytest

from delivery.digest_challenges import BASIC, MD5, URL
from rokt_export.authentication.base import DigestLogin
from rokt_export.authentication.digest import challenges
from rokt_export.delivery.digest import DigestAuth
from rokt_export.errors import UnreachableError
from rokt_export.exchange.model import Request, Response


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

"""WSSE: nonce, time and digest in the header, new for each attempt."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from rokt_export.transactions.transaction import Transaction
from tests.authentication.samples import JEFE
from tests.request.rendering import renderer, request

TOKEN = re.compile(r'(\w+)="([^"]*)"')


@pytest.mark.parametrize("nonce", ["base64", "hex"])
@pytest.mark.parametrize("digest", ["base64", "hex_base64"])
def test_wsse_header(nonce: str, digest: str) -> None:
    rest = (
        "parameters: [{name: a, attribute: a}]\n"
        'authentication: {type: wsse, username: bob, password: "{{ env.SECRET }}", '
        f"nonce_encoding: {nonce}, digest_encoding: {digest}}}\n"
    )
    first, second = (request(rest, {"a": "1"}, variables=JEFE).header("X-WSSE") or "" for _ in range(2))
    assert first.startswith('UsernameToken Username="bob", ')
    token = dict(TOKEN.findall(first))
    assert token["Nonce"] != dict(TOKEN.findall(second))["Nonce"]
    raw = token["Nonce"].encode() if nonce == "hex" else base64.b64decode(token["Nonce"])
    hashed = hashlib.sha1(raw + token["Created"].encode() + b"Jefe")
    expected = hashed.digest() if digest == "base64" else hashed.hexdigest().encode()
    assert base64.b64decode(token["PasswordDigest"]) == expected


def test_a_retry_is_signed_anew() -> None:
    made = renderer(
        'parameters: [{name: a, attribute: a}]\nauthentication: {type: wsse, username: bob, password: "x"}\n'
    )
    rendered = made.render(Transaction(1, "1", {"a": "1"}))
    assert made.sign(rendered).header("X-WSSE") != made.sign(rendered).header("X-WSSE")
    assert rendered.header("X-WSSE") is None

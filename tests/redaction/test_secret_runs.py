"""Secrets in normal form: whole, cut, wrapped, spaced, encoded and hashed; ordinary text stays."""

from __future__ import annotations

import hashlib
import json
import time
from base64 import a85encode, b32encode, b64encode, b85encode

import pytest

from rokt_export.redaction import Redactor
from rokt_export.redaction.hashes import SHA_3, UP_TO_SHA_2

SECRET = "sk_live_9aQ2mX7vB4nK8pL3wR6t"
DATA = SECRET.encode()
WIDTHS = (1, 4, 7, 10, 20, 33)


def wrapped(text: str, width: int, by: str = "\n") -> str:
    return by.join(text[at : at + width] for at in range(0, len(text), width))


NOTATIONS = {
    "line break": wrapped(SECRET, 9),
    "blanks": " ".join(SECRET),
    "zero-width": "\u200b".join(SECRET),
    "hex with blanks": DATA.hex(" "),
    "hex with colons": DATA.hex(":").upper(),
    "hex with 0x": ", ".join(f"0x{byte:02X}" for byte in DATA),
    "lower": SECRET.lower(),
    "upper": SECRET.upper(),
    "full-width": "".join(chr(ord(sign) + 0xFEE0) for sign in SECRET),
    "dashes": SECRET.replace("_", "-"),
    "utf-16 base64": b64encode(SECRET.encode("utf-16")).decode(),
    "utf-16-be base64": b64encode(SECRET.encode("utf-16-be")).decode(),
    "utf-16 hex": SECRET.encode("utf-16-le").hex(),
    "quoted-printable": "".join(f"={byte:02X}" for byte in DATA),
    "base32": b32encode(b"ab" + DATA).decode(),
    "ascii85": a85encode(DATA).decode(),
    "base85": b85encode(b"abc" + DATA).decode(),
    "reversed": SECRET[::-1],
    **{name: hashlib.new(name, DATA).hexdigest() for name in (*UP_TO_SHA_2, *SHA_3)},
    "sha256 of a line": hashlib.sha256(DATA + b"\n").hexdigest(),
    "sha256 in base64": b64encode(hashlib.sha256(DATA).digest()).decode(),
    **{f"base64 in {width}": wrapped(b64encode(DATA).decode(), width) for width in WIDTHS},
    "masked": "sk_live_9aQ2****wR6t",
    "beginning": "sk_live_9aQ2mX7v",
    "end": "...7vB4nK8pL3wR6t",
}


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_secret_is_hidden_in_each_notation(notation: str) -> None:
    redactor = Redactor(secrets={"KEY": SECRET})
    text = NOTATIONS[notation]
    for written in (text, json.dumps(text), f"k={text}"):
        shown = redactor.secrets_in(f"not valid: {written} in this account")
        left = shown.replace("$KEY", "").removeprefix("not valid: ").removesuffix(" in this account")
        assert "$KEY" in shown
        assert len([sign for sign in left if sign.isalnum()]) <= 8
        assert shown.startswith("not valid: ")
        assert shown.endswith(" in this account")


def test_a_wrapped_and_a_cut_json_web_token_are_hidden() -> None:
    claims = b64encode(json.dumps({"sub": "partner", "scope": "write:transactions"}).encode()).decode().rstrip("=")
    token = f"eyJhbGciOiJIUzI1NiJ9.{claims}.Zk3v9QmX7vB4nK8pL3wR6tYt2aQ9sLw0Hd5gJ1cVbN4"
    redactor = Redactor(secrets={"TOKEN": token})
    assert redactor.secrets_in(f"no: {wrapped(token, 30)}") == "no: $TOKEN"
    assert redactor.secrets_in(f"no: {token[-40:]}") == "no: $TOKEN"
    ordinary = "the partner has no scope to write transactions"
    assert redactor.secrets_in(ordinary) == ordinary


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (SECRET, "keys begin with sk_live_ or sk_test_, tokens with Bearer"),
        ("whsec_9aQ2mX7vB4nK8pL3wR6t", "the signature needs a whsec_ key"),
        ("acme-production-webhook-secret-2024", "no webhook in production, see ACME"),
        ("acmeproduction", "Acme Production is down"),
        ("http://127.0.0.1:9581/v1", "no connection to http://127.0.0.1:9580"),
        ("2024112820241128", "on 2024-11-28 at 20:24"),
    ],
)  # fmt: skip
def test_ordinary_text_stays(secret: str, text: str) -> None:
    assert Redactor(secrets={"KEY": secret}).secrets_in(text) == text


def test_what_was_computed_for_one_request_is_found_cut_too() -> None:
    redactor = Redactor().also("SIGNATURE", ["4f0b9d1c77aa03e2b85c6617"])
    assert redactor.text("signature 4F0B9D1C77AA... does not match") == "signature $SIGNATURE... does not match"


def test_the_search_is_linear() -> None:
    redactor = Redactor(secrets={"KEY": SECRET, "OTHER": "ab" * 40})
    started = time.process_time()
    redactor.secrets_in((SECRET[:7] + " ") * 20_000 + "ab " * 20_000)
    assert time.process_time() - started < 3

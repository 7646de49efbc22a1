"""The fixed texts that give a secret away: base64 at each alignment, HTTP Basic credentials, hexadecimal."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from urllib.parse import quote, urlencode

import pytest

from rokt_export.redaction import Redactor

PACKED = "sk_Live/aZ09+canary-0123456789-that-is-long-enough-to-be-wrapped-by-mime"


@pytest.mark.parametrize(
    "packed",
    [
        encodebytes(b"x:" + PACKED.encode()).decode(),
        encodebytes(PACKED.encode()).decode().replace("\n", "\\r\\n"),
        b64encode(b64encode(PACKED.encode())).decode(),
        b64encode(PACKED.encode().hex().encode()).decode(),
        "".join(sign.upper() if at % 3 else sign for at, sign in enumerate(PACKED.encode().hex())),
        PACKED.replace("/", "%2f").replace("+", "%2B"),
        PACKED[:30] + "=\r\n" + PACKED[30:],
    ],
)
def test_a_secret_is_hidden_wrapped_packed_twice_and_in_mixed_case(packed: str) -> None:
    shown = Redactor(secrets={"K": PACKED}).secrets_in(f"<{packed}>")
    assert "$K" in shown
    assert packed[8:24] not in shown


def test_basic_credentials() -> None:
    redactor = Redactor(secrets={"KEY": "p'w$ é&y>"})
    redactor.add_basic("KEY", "anystring", "p'w$ é&y>")
    for charset in ("utf-8", "latin-1"):
        credentials = b64encode("anystring:p'w$ é&y>".encode(charset)).decode()
        for form in (credentials, credentials.rstrip("="), quote(credentials, safe=""), credentials.replace("+", "-")):
            assert redactor.secrets_in(f"Basic {form}") == "Basic $KEY"


def test_basic_of_an_unknown_user_shows_nothing_of_the_secret() -> None:
    redactor = Redactor(secrets={"KEY": "hunter-22-hunter"})
    for user in ("a", "ab", "abc"):
        encoded = b64encode(f"{user}:hunter-22-hunter".encode()).decode()
        shown = redactor.secrets_in(f"Basic {encoded}")
        assert shown.endswith("$KEY")
        assert len(shown) <= len("Basic $KEY") + 6


def test_form_and_basic_as_clients_write_them() -> None:
    redactor = Redactor(secrets={"KEY": 'a+b%:/"<é'})
    assert redactor.secrets_in(urlencode({"k": 'a+b%:/"<é'})) == "k=$KEY"
    wrapped = encodebytes(b"u:" + 'a+b%:/"<é'.encode()).decode()
    assert "$KEY" in redactor.secrets_in(wrapped)

"""What is read in a token server's answer, and that the sandbox puts it where the client looks for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from rokt_export.authentication.token_response import (
    DEFAULT_LIFE,
    LONGEST_LIFE,
    field_path,
    life_of,
    put_field,
    read_token_response,
)


def read(body: str, content_type: str | None = "application/json", field: str = "access_token"):
    return read_token_response(body.encode(), content_type, field, "expires_in")


@pytest.mark.parametrize(
    "field", ["access_token", "tokenData.access_token", "$.data['the.token']", "$.token", "a[1].b[0][2].c", "a[0]"]
)
def test_the_client_finds_what_the_sandbox_puts(field: str) -> None:
    answer: dict[str, object] = {}
    put_field(answer, field, "T1")
    assert read(json.dumps(answer), field=field).token == "T1"


@pytest.mark.parametrize("field", ["[0].a", "a[]", "a[x=y]", "a[100].b", "a..b", ".a", ""])
def test_what_is_no_place_of_a_field(field: str) -> None:
    with pytest.raises(ValueError, match=r"not a|be empty"):
        field_path(field)


@pytest.mark.parametrize(
    ("body", "content_type", "token"),
    [
        ('{"access_token": "T1"}', "application/json", "T1"),
        ('\ufeff{"access_token": "T1"}', "text/html", "T1"),
        ("access_token=T1%2B&expires_in=60&token_type=mac", "application/x-www-form-urlencoded", "T1+"),
        ("abcdef0123456789==", "text/plain", "abcdef0123456789=="),
        ('"abcdef0123456789"', "application/json", "abcdef0123456789"),
        ("eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl\n", None, "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"),
        ("'abcdef0123456789'", "text/plain", "abcdef0123456789"),
        ("Bearer abcdef0123456789", "text/plain", "abcdef0123456789"),
        ('"{\\"access_token\\": \\"T1\\"}"', "application/json", "T1"),
        ('[{"access_token": "T1"}]', "application/json", "T1"),
        ('{"access_token": 1234567}', "application/json", "1234567"),
        ("OK", "text/plain", None),
        ("<html>log in</html>", "text/html", None),
        ("maintenance", "text/html", None),
        ("please log in", "text/plain", None),
        ("[1]", "application/json", None),
        ("", None, None),
    ],
)
def test_answers_in_each_form(body: str, content_type: str | None, token: str | None) -> None:
    assert read(body, content_type).token == token


def test_what_stands_beside_the_token() -> None:
    found = read('{"data": {"access_token": "T1", "token_type": "mac"}, "expires_in": "60"}', field="data.access_token")
    assert (found.token, found.lifetime, found.token_type, found.names) == ("T1", "60", "mac", ("data", "expires_in"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": "invalid_client", "error_description": "unknown client"}', "invalid_client: unknown client"),
        ('{"error": {"code": 7, "message": "no such app"}}', "no such app"),
        ('{"errors": [{"message": "expired"}]}', "expired"),
        ('{"errors": ["expired"]}', "expired"),
        ("error=invalid_client&state=1", "invalid_client"),
        ("Invalid credentials", "Invalid credentials"),
        ("no abcdefghijklmnopqrstuvwxyz", ""),
        ("<html><title>Log in</title></html>", 'an HTML page "Log in" came'),
        ("<r/>", "XML came"),
        ('{"status": 1}', ""),
    ],
)
def test_the_servers_own_words_about_an_error(body: str, words: str) -> None:
    assert read(body).words == words


def test_where_else_a_token_is() -> None:
    assert read('{"a": [{"b": {"access_token": "T1"}}]}').elsewhere == "a[0].b.access_token"
    assert read('{"access_token": "T1", "a": {"access_token": "T2"}}').elsewhere == ""


NOW = datetime.now(UTC)
SOON = NOW + timedelta(seconds=600)
EPOCH = int(SOON.timestamp())
LIVES = {
    "number": (60, "s", 60.0),
    "text": (" 60.5 ", "s", 60.5),
    "milliseconds": (60_000, "ms", 60.0),
    "minutes": (2, "m", 120.0),
    "true": (True, "s", DEFAULT_LIFE),
    "zero": (0, "s", DEFAULT_LIFE),
    "null": (None, "s", DEFAULT_LIFE),
    "words": ("soon", "s", DEFAULT_LIFE),
    "list": ([60], "s", DEFAULT_LIFE),
    "negative": (-5, "s", 1.0),
    "huge": (10**400, "s", LONGEST_LIFE),
    "sixty days": (60 * 86_400 * 1000, "ms", 60 * 86_400.0),
    "ISO date": (SOON.isoformat().replace("+00:00", "Z"), "s", 600.0),
    "HTTP date": (format_datetime(SOON, usegmt=True), "s", 600.0),
    "moment": (EPOCH, "s", 600.0),
    "with its unit": ("90s", "s", 90.0),
    "with its unit in words": ("2 hours", "s", 7200.0),
    "ISO duration": ("PT2S", "ms", 2.0),
    "moment of .NET": (f"/Date({EPOCH * 1000}+0200)/", "s", 600.0),
    "moment as text": (str(EPOCH), "s", 600.0),
    "moment in ms": (EPOCH * 1000, "s", 600.0),
    "moment in ms, as the unit says": (EPOCH * 1000, "ms", 600.0),
}


@pytest.mark.parametrize("case", LIVES)
def test_how_long_a_token_lasts(case: str) -> None:
    stated, unit, life = LIVES[case]
    assert life_of(stated, unit, None) == pytest.approx(life, abs=590 if life == 600.0 else 0.01)
    assert life_of(stated, unit, 30.0) == 30.0

"""Canaries in every encoding and place, and properties over random secrets: none is left, nothing else is lost."""

from __future__ import annotations

import html
import json
import pickle
import re
import shlex
import string
import time
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rokt_export.delivery.redaction_clues import ADDRESS
from rokt_export.redaction import Piece, Redactor, SecretEncoding
from rokt_export.redaction.decoded_view import squeezed

CANARIES = [
    'a+b%:/"<é',
    "p'w$ x&y>",
    "0123456789abcdef-us9",
    "tab\tnl\nback\\slash",
    'x%41"y&lt;z',
    "日本語の鍵",
    "%%&&\\\\\"\"''",
]


def over_encoded(value: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else "".join(f"%{b:02X}" for b in c.encode()) for c in value)


def fully_percent(value: str) -> str:
    return "".join(f"%{b:02x}" for b in value.encode())


def numeric_entities(value: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"&#{ord(c)};" for c in value)


def hex_entities(value: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"&#x{ord(c):x};" for c in value)


def json_text(value: str) -> str:
    return json.dumps(value)[1:-1]


def json_unicode(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


def backslashed(value: str) -> str:
    return "".join(c if c.isalnum() or not c.isascii() or c.isspace() else "\\" + c for c in value)


def lower_hex(value: str) -> str:
    return "".join(part.lower() if part.startswith("%") else part for part in _percent_parts(quote(value, safe="")))


def _percent_parts(text: str) -> list[str]:
    parts: list[str] = []
    at = 0
    while at < len(text):
        width = 3 if text[at] == "%" else 1
        parts.append(text[at : at + width])
        at += width
    return parts


ENCODERS = {
    "raw": str,
    "quote": lambda v: quote(v, safe=""),
    "quote_slash": quote,
    "quote_plus": quote_plus,
    "quote_lower": lower_hex,
    "over_encoded": over_encoded,
    "fully_percent": fully_percent,
    "double_quote": lambda v: quote(quote(v, safe=""), safe=""),
    "json": json_text,
    "json_unicode": json_unicode,
    "json_slash": lambda v: json_text(v).replace("/", "\\/"),
    "json_in_json": lambda v: json_text(json_text(v)),
    "xml": escape,
    "xml_attribute": lambda v: quoteattr(v)[1:-1],
    "html": html.escape,
    "html_34": lambda v: escape(v, {'"': "&#34;", "'": "&#39;"}),
    "html_x22": lambda v: escape(v, {'"': "&#x22;", "'": "&#x27;"}),
    "html_apos": lambda v: escape(v, {'"': "&quot;", "'": "&apos;"}),
    "numeric_entities": numeric_entities,
    "hex_entities": hex_entities,
    "shell": lambda v: shlex.quote(v).strip("'") if not v.startswith("'") else shlex.quote(v),
    "shell_backslash": lambda v: v.replace("'", "'\\''"),
    "repr": lambda v: repr(v)[1:-1],
    "ascii": lambda v: ascii(v)[1:-1],
    "bytes_repr": lambda v: repr(v.encode())[2:-1],
    "backslashed": backslashed,
    "csv": lambda v: v.replace('"', '""'),
    "mojibake": lambda v: v.encode().decode("latin-1"),
    "json_in_form": lambda v: quote_plus(json_text(v)),
    "json_in_xml": lambda v: escape(json_text(v)),
    "xml_in_form": lambda v: quote(escape(v), safe=""),
    "xml_in_json": lambda v: json_text(html.escape(v)),
    "form_in_json": lambda v: json_text(quote_plus(v)),
    "hex": lambda v: v.encode().hex(),
    "HEX": lambda v: v.encode().hex().upper(),
    "base64": lambda v: b64encode(v.encode()).decode(),
    "base64_bare": lambda v: b64encode(v.encode()).decode().rstrip("="),
    "base64url": lambda v: urlsafe_b64encode(v.encode()).decode(),
    "base64_quoted": lambda v: quote(b64encode(v.encode()).decode(), safe=""),
    "base64_json_slash": lambda v: b64encode(v.encode()).decode().replace("/", "\\/"),
    "base64_in_1": lambda v: b64encode(b"u" + v.encode() + b"tail").decode(),
    "base64_in_2": lambda v: b64encode(b"u:" + v.encode() + b"tail").decode(),
    "base64_in_3": lambda v: b64encode(b"usr" + v.encode() + b"t").decode(),
    "base64_of_json": lambda v: b64encode(json.dumps({"k": v}).encode()).decode(),
}  # fmt: skip
WHOLE = {"hex", "HEX"} | {name for name in ENCODERS if name.startswith("base64")}

PLACES = {
    "alone": "{}",
    "header": "Authorization: Token {}",
    "query": "https://api.example.com/v1?x=1&k={}&y=2",
    "form": "email=jane%40example.com&k={}&z=+",
    "json": '{{"k": "{}", "n": 1}}',
    "xml": "<a k='1'>{}</a>",
    "prose": "the partner said {}, twice: {}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("secret", CANARIES)
def test_a_secret_is_hidden_in_each_encoding_and_place(secret: str, encoder: str, place: str) -> None:
    redactor = Redactor(secrets={"KEY": secret})
    encoded = ENCODERS[encoder](secret)
    shown = redactor.secrets_in(PLACES[place].replace("{{", "{").replace("}}", "}").replace("{}", encoded))
    assert encoded not in shown
    if encoder not in WHOLE and encoder != "shell":
        assert shown == PLACES[place].replace("{{", "{").replace("}}", "}").replace("{}", "$KEY")
    else:
        assert "$KEY" in shown


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("value", ['a+b%:/"<é', "jane.doe+1@example.com", "Jäne O'Döe", "+61 412 345 678"])
def test_a_personal_value_is_hidden_in_each_encoding(value: str, encoder: str) -> None:
    redactor = Redactor(key=b"k")
    encoded = ENCODERS[encoder](value)
    shown = redactor.text(f'{{"v": "{encoded}"}}', [value])
    assert encoded not in shown
    assert redactor.token(value) in shown


@pytest.mark.parametrize("change", [str.upper, str.lower, str.title, str.swapcase])
@pytest.mark.parametrize("value", ["jane.doe@example.com", "Jäne Ödoe", "Weiß Straße", "ΟΔΥΣΣΕΥΣ ΙΙ", "İpek Şahin"])
def test_a_personal_value_is_hidden_in_either_letter_case(value: str, change: object) -> None:
    redactor = Redactor()
    changed = change(value)  # type: ignore[operator]
    assert changed not in redactor.text(f"<a>{changed}</a>", [value])


@pytest.mark.parametrize(
    ("value", "text", "hidden"),
    [
        ("Li", '{"name": "Li"}', True),
        ("Li", '{"name":"LI"}', True),
        ("Li", "name=li&x=1", True),
        ("Li", "<n>Li</n>", True),
        ("Li", "Dear Li, welcome", True),
        ("Li", "<ul><li>Limit of lithium</li></ul>", False),
        ("NY", "state: NY", True),
        ("NY", "any company in NYC", False),
        ("42", '{"age": "42"}', True),
        ("42", "after 42 ms, 1421", False),
        ("M", "MMM", False),
        ("Mark", "Mark said", True),
        ("Mark", "x%2FMark", True),
        ("Mark", "a\\nMark", True),
        ("Mark", "/marketing/benchmark", False),
        ("90210", "zip=90210", True),
        ("90210", "1902103", False),
        ("+61 412 345 678", "61412345678", True),
        ("王小", "我是王小明", True),
        ("true", '{"optin": true}', False),
        ("", "", False),
        ("  ", "a  b", False),
    ],
)
def test_short_personal_values_are_hidden_only_where_they_stand_for_themselves(
    value: str, text: str, hidden: bool
) -> None:
    assert (Redactor().text(text, [value]) != text) is hidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a banana", "a banana"),
        ('{"k": "a"}', '{"k": "$KEY"}'),
        ("k=a&x=banana", "k=$KEY&x=banana"),
        ("a", "$KEY"),
    ],
)
def test_a_short_secret_is_hidden_only_where_it_fills_a_field(text: str, shown: str) -> None:
    assert Redactor(secrets={"KEY": "a"}).secrets_in(text) == shown


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("list", "the list is full", "the list is full"),
        ("list", '{"list": "list"}', '{"list": "$X"}'),
        ("list", "https://h/list/members?l=list&x=1", "https://h/$X/members?l=$X&x=1"),
        ("12", "https://h/v1/lists/12?dc=us9", "https://h/v1/lists/$X?dc=us9"),
        ("12", '{"count": 12}', '{"count": 12}'),
        ("us9", "https://us9.api.example.com/", "https://$X.api.example.com/"),
        ("us9", "in us9 or bus9", "in us9 or bus9"),
        ("list-4711-abc", "the list-4711-abc is full", "the $X is full"),
    ],
)
def test_a_usual_word_or_number_is_hidden_where_it_fills_its_place(value: str, text: str, shown: str) -> None:
    redactor = Redactor()
    redactor.add_secret("X", value, common=True)
    assert redactor.secrets_in(text) == shown


def test_the_parts_of_a_web_token_are_hidden() -> None:
    claims = '{"sub": "someone", "scope": "all"}'
    token = f"eyJhbGciOiJIUzI1NiJ9.{urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.c2lnbmF0dXJlLWNhbmFyeQ"
    redactor = Redactor(secrets={"T": token})
    for part in (token, *token.split("."), claims):
        assert redactor.secrets_in(f"x {part} y") == "x $T y"


def test_an_empty_secret_hides_nothing() -> None:
    redactor = Redactor(secrets={"EMPTY": "", "BLANK": "  "})
    redactor.add_basic("NONE", "", "")
    assert redactor.secrets_in("nothing  here: Og==") == "nothing  here: Og=="


def test_a_secret_is_case_sensitive() -> None:
    assert Redactor(secrets={"KEY": "Secret-Value"}).secrets_in("secret-value SECRET-VALUE") == (
        "secret-value SECRET-VALUE"
    )


def test_the_longest_of_overlapping_secrets_names_it_and_no_end_is_left() -> None:
    redactor = Redactor(secrets={"SHORT": "abcdef", "LONG": "abcdefgh", "NEXT": "ghijkl"})
    assert redactor.secrets_in("x abcdefgh abcdef") == "x $LONG $SHORT"
    assert redactor.secrets_in("x abcdefghijkl y") == "x $LONG y"


def test_a_secret_added_later_is_hidden() -> None:
    redactor = Redactor()
    assert redactor.secrets_in("tok-12345") == "tok-12345"
    redactor.add_secret("ACCESS_TOKEN", "tok-12345")
    assert redactor.secrets_in("tok-12345") == "$ACCESS_TOKEN"


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_bodies_keep_their_charset(charset: str) -> None:
    redactor = Redactor(secrets={"KEY": "clé-secrète"})
    body = redactor.body("é: clé-secrète ü".encode(charset))
    assert body.decode(charset) == "é: $KEY ü"


def test_a_binary_body_is_left_byte_for_byte() -> None:
    body = bytes(range(256)) * 4
    assert Redactor(secrets={"KEY": "s3cr3t-value"}).body(body, ["Jane"]) == body
    assert Redactor(secrets={"KEY": "s3cr3t-value"}).body(body + b"s3cr3t-value") == body + b"$KEY"


def test_structured_data_is_hidden_in_keys_and_values_and_numbers() -> None:
    redactor = Redactor(secrets={"KEY": "s3cr3t-value"}, key=b"k")
    email = redactor.token("jane@example.com")
    phone = redactor.token("61412345678")
    assert redactor.data(
        {"jane@example.com": [1, None, True, 2.5, ("s3cr3t-value", b"s3cr3t-value"), 61412345678]},
        ["jane@example.com", "61412345678"],
    ) == {email: [1, None, True, 2.5, ("$KEY", b"$KEY"), phone]}


def test_tokens_are_correlatable_within_a_run_only() -> None:
    first, second = Redactor(), Redactor()
    assert first.token("Jane@Example.com") == first.token(" jane@example.com ")
    assert first.token("jane@example.com") != second.token("jane@example.com")
    assert Redactor(key=b"k").token("a") == Redactor(key=b"k").token("a")
    assert len(first.token("a")) == len(first.token("a" * 99))
    assert first.token('é"<').replace("-", "").isalnum()


def test_pieces_tell_how_each_secret_stands() -> None:
    redactor = Redactor(secrets={"KEY": "a b/c-secret"})
    redactor.add_basic("LOGIN", "anystring", "a b/c-secret")
    encoded = b64encode(b"anystring:a b/c-secret").decode()
    text = f"x a b/c-secret y a+b%2Fc-secret {encoded}"
    pieces = redactor.pieces(text)
    assert pieces == [
        Piece("x "),
        Piece("$KEY", "KEY", SecretEncoding.RAW),
        Piece(" y "),
        Piece("$KEY", "KEY", SecretEncoding.URLENCODED),
        Piece(" "),
        Piece(
            "$LOGIN", "LOGIN", SecretEncoding.BASIC, (Piece("anystring:"), Piece("$KEY", "KEY", SecretEncoding.RAW))
        ),
    ]  # fmt: skip
    assert "".join(piece.text for piece in pieces) == redactor.secrets_in(text)
    assert redactor.pieces("nothing") == [Piece("nothing")]
    assert redactor.pieces("") == []


def test_a_redactor_shows_no_secret_of_its_own_and_travels_to_other_processes() -> None:
    redactor = Redactor(secrets={"KEY": "s3cr3t-value"})
    redactor.add_basic("LOGIN", "user", "pass-word")
    assert "s3cr3t" not in repr(redactor)
    assert "pass-word" not in repr(redactor)
    copy = pickle.loads(pickle.dumps(redactor))
    assert copy.secrets_in("s3cr3t-value") == "$KEY"
    assert copy.token("x") == redactor.token("x")


SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=6, max_size=24).filter(
    lambda value: value.strip() == value
)
AROUND = st.text(st.sampled_from(string.ascii_letters + string.digits + "%&\\\"'<>;+=/ -_é"), max_size=12)


@given(secret=SECRETS, encoder=st.sampled_from(sorted(ENCODERS)), before=AROUND, after=AROUND)
@example(secret='nab"cdef', encoder="json", before="\\", after="")
@example(secret='00"1%%', encoder="json", before="%", after="41")
def test_no_form_of_a_random_secret_is_left(secret: str, encoder: str, before: str, after: str) -> None:
    encoded = ENCODERS[encoder](secret)
    shown = Redactor(secrets={"K": secret}).secrets_in(before + encoded + after)
    assert "$K" in shown
    assert encoded not in shown.replace("$K", "\0") or encoded in before + after


@given(
    secret=st.text(string.ascii_letters + string.digits + "+/-_.!", min_size=6, max_size=20),
    text=st.text(st.sampled_from(string.ascii_letters + string.digits + "%&\\\"'<>;+=/ -_é\n"), max_size=80),
)
def test_a_text_without_secrets_is_left_alone(secret: str, text: str) -> None:
    assume(squeezed(secret.lower())[:8] not in squeezed(text.lower()))
    redactor = Redactor(secrets={"KEY": "\x01" + secret + "\x02"})
    assert redactor.secrets_in(text) == text
    assert redactor.body(text.encode()) == text.encode()


@pytest.mark.parametrize(
    "encoded",
    [
        "%61bc%64ef-1",
        "%2561bcdef%252D1",
        "\\u0061bcdef-1",
        "\\\\u0061bcdef-1",
        "%5Cu0061bcdef-1",
        "\\x61bcdef\\x2d1",
        "\\141bcdef-1",
        "\\u{61}bcdef-1",
        "&#97;bcdef-1",
        "&#x61;bcdef&#45;1",
        "&amp;#97;bcdef-1",
        "%26%2397%3Bbcdef-1",
        "%u0061bcdef-1",
    ],
)
def test_letters_and_digits_that_are_encoded_for_no_reason_hide_nothing(encoded: str) -> None:
    redactor = Redactor(secrets={"KEY": "abcdef-1"}, key=b"k")
    assert redactor.secrets_in(f"<{encoded}>") == "<$KEY>"
    assert redactor.text(f"<{encoded}>", ["ABCdef-1"]) == "<$KEY>"
    shown = Redactor(key=b"k").text(f"<{encoded}>", ["ABCdef-1"])
    assert re.fullmatch(f"<{redactor.token('abcdef-1')}(-[0-9a-f]{{4}})?>", shown, re.IGNORECASE)


def test_a_large_body_full_of_escapes_is_left_alone() -> None:
    redactor = Redactor(secrets={"KEY": "abcdef-123456"})
    body = b"a=%41%20b&c=dddd\\u0061+e\n" * 20_000
    assert redactor.body(body, ["jane.doe@example.com"]) == body


@pytest.mark.parametrize("text", ["a" * 300_000, "a." * 150_000, "1-" * 150_000, "a@" * 150_000, " " * 300_000])
def test_addresses_are_looked_for_in_linear_time(text: str) -> None:
    began = time.process_time()
    assert ADDRESS.findall(text + " jane.doe@example.com") == ["jane.doe@example.com"]
    assert time.process_time() - began < 2

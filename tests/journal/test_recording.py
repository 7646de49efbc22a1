"""What is recorded of long bodies: redacted first, cut afterwards, and no more kept in memory than that takes."""

from __future__ import annotations

import base64
import hashlib
import html
import random
import re
import time
from collections.abc import Collection, Iterable
from urllib.parse import quote

import pytest

from rokt_export.exchange.model import Exchange, Fault, FaultKind, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import KEPT_BYTES, RESPONSE_BYTES, WAITING_BYTES, Recording, record
from rokt_export.redaction import Redactor
from rokt_export.transactions.transaction import Transaction

SECRET = "s3cr3t-value-that-must-not-be-shown-0123456789"
DELIVERED = Outcome(OutcomeKind.DELIVERED)


def recorded(response: Response) -> Recording:
    redactor = Redactor(secrets={"KEY": SECRET}, key=b"k")
    done = record(Exchange(Transaction(1, "t", {}), None, response, DELIVERED), redactor, ["jane.doe@example.com"])
    return Recording.load(done.dump(), "row 1")


def text(response: Response) -> str:
    body = recorded(response).response_body
    assert body is not None
    return base64.b64decode(str(body.text)).decode("latin-1") if body.binary else str(body.text)


FORMS = {
    "plain": SECRET,
    "percent": "".join(f"%{ord(char):02x}" for char in SECRET),
    "percent twice": quote("".join(f"%{ord(char):02x}" for char in SECRET)),
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "personal": "Jane.Doe@Example.com",
}


LABEL = re.compile(r"(?:\$(?:K|KE|KEY)?|p|pe|per|pers|perso|person|person-[0-9a-f]*)?", re.IGNORECASE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("end", "kept"), [(RESPONSE_BYTES, KEPT_BYTES), (WAITING_BYTES, WAITING_BYTES)])
def test_nothing_of_a_secret_that_a_cut_divides_is_shown(form: str, end: int, kept: int) -> None:
    hidden = FORMS[form].encode()
    for inside, start in ((8, b""), (len(hidden) - 1, b""), (len(hidden) // 2, b"\xff")):
        body = (start + b". " * end)[: end - inside] + hidden + b". " * 200_000
        shown = text(Response(200, (), body).shortened(KEPT_BYTES).shortened(kept))
        assert len(shown) > 15_000
        assert LABEL.fullmatch(re.sub(r"[.\s\xff]", "", shown)), (inside, shown[-80:])


def test_a_divided_secret_is_cut_off_although_labels_before_it_are_shorter() -> None:
    shown = text(Response(200, (), SECRET.encode() * 20_000).shortened(KEPT_BYTES))
    assert set(shown.split("$KEY")) <= {"", "$", "$K", "$KE"}


@pytest.mark.parametrize(
    ("size", "kept", "length", "truncated"),
    [
        (RESPONSE_BYTES, KEPT_BYTES, RESPONSE_BYTES, False),
        (RESPONSE_BYTES + 1, KEPT_BYTES, RESPONSE_BYTES, True),
        (9_000_000, KEPT_BYTES, RESPONSE_BYTES, True),
        (100_000, WAITING_BYTES, 16_000, True),
        (WAITING_BYTES, WAITING_BYTES, WAITING_BYTES, False),
    ],
)
def test_a_cut_body_says_so_and_how_long_it_was(size: int, kept: int, length: int, truncated: bool) -> None:
    body = recorded(Response(200, (), b"." * size).shortened(kept)).response_body
    assert body is not None
    assert (len(str(body.text)), body.size, body.truncated) == (length, size, truncated)


def test_a_character_that_a_cut_divides_does_not_make_a_text_binary() -> None:
    body = recorded(Response(200, (), "€".encode() * 1_000_000).shortened(KEPT_BYTES)).response_body
    assert body is not None
    assert not body.binary
    assert set(str(body.text)) == {"€"}


@pytest.mark.parametrize(
    "part", [b"%41", b"\\u0041", b"&#65;", b"%2541", b"jane.doe@example.com ", b"%6aane%40", b"\xff"]
)
def test_recording_the_longest_body_is_quick(part: bytes) -> None:
    body = Response(200, (), part * (10_000_000 // len(part))).shortened(KEPT_BYTES)
    start = time.process_time()
    recorded(body)
    assert time.process_time() - start < 1.5


PERSON = ("jane.doe@example.com", "Jane", "Doe", "+1 212 555 0175", "1984-03-07", "10001", "Zoë", "two\nlines", "王小")


class Thorough(Redactor):
    """Searches each text of an exchange by itself."""

    def personal_in(self, texts: Iterable[str], personal: Collection[str]) -> Collection[str]:
        return personal


def disguised(value: str, chance: random.Random) -> str:
    data = value.encode()
    return chance.choice(
        [
            value, value.upper(), quote(value, safe=""), quote(quote(value, safe=""), safe=""), html.escape(value),
            "".join(f"&#{ord(char)};" for char in value), data.hex(), base64.b64encode(data).decode().rstrip("="),
            base64.b64encode(b"the id: " + data + b" is known to this partner").decode(),
            base64.b64encode(data.hex().encode()).decode(), hashlib.md5(data.lower()).hexdigest(),
            base64.b64encode(hashlib.sha256(data.lower()).digest()).decode(), "-".join(value), value[:-1], "07.03.1984",
            "447811200", "Doe, Jane", "0012125550175", f"{value[:3]}=\r\n{value[3:]}", "", "T000000042", "ok",
        ]
    )  # fmt: skip


def test_one_look_at_an_exchange_hides_what_a_look_at_each_text_hides() -> None:
    chance = random.Random(7)
    quick, thorough = (kind(secrets={"KEY": SECRET}, key=b"k") for kind in (Redactor, Thorough))
    hidden = 0
    for _ in range(200):

        def part() -> str:
            text = (
                disguised(chance.choice(PERSON), chance) if chance.random() < 0.2 else chance.choice(["a=", "1", "x"])
            )
            return chance.choice(["{}", "id={}", '{{"ref": "{}"}}', "{}=", "12{}", "{} 4"]).format(text)

        headers = (("Content-Type", "application/json"), ("X-" + part(), part()), ("Authorization", f"Bearer {SECRET}"))
        body = part().encode(chance.choice(["utf-8", "utf-16"])) + b"." * chance.choice([0, 0, 5_000])
        response = Response(200, headers, body)
        result = chance.choice([response, Fault(FaultKind.TIMEOUT_AFTER_SEND, part(), sent=True, partial=response)])
        request = Request("POST", f"https://example.com/{part()}?id={part()}", headers, part().encode())
        exchange = Exchange(Transaction(1, "t", {}), request, result, DELIVERED)
        shown = record(exchange, quick, PERSON).dump()
        assert shown == record(exchange, thorough, PERSON).dump()
        hidden += b"person-" in shown.lower()
    assert 50 < hidden < 195


def test_a_secret_learned_later_is_hidden_in_a_header_that_was_recorded_before() -> None:
    redactor = Redactor(secrets={"KEY": SECRET}, key=b"k")
    exchange = Exchange(
        Transaction(1, "t", {}), None, Response(200, (("X-Trace", f"{SECRET}&later-0123456789"),)), DELIVERED
    )
    assert b"later-0123456789" in record(exchange, redactor).dump()
    redactor.add_secret("TOKEN", "later-0123456789")
    assert b"later-0123456789" not in record(exchange, redactor).dump()

"""Each quick look at a text finds what the slow one finds: dates, hashes, base64, and whether there is anything."""

from __future__ import annotations

import hashlib
from base64 import b64encode, encodebytes
from collections.abc import Collection, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from rokt_export.exchange.model import Exchange, Outcome, OutcomeKind, Request, Response
from rokt_export.journal.recording import record
from rokt_export.redaction import Redactor, dates, decoded_view, personal
from rokt_export.redaction.decoded_view import DecodedText
from rokt_export.transactions.transaction import Transaction

PERSON = (
    "jane.doe+6@example.com", "Jane", "Doe", "Li", "Müller", "+1 (555) 010-4477", "1984-03-09", "12 Elm Street",
    "00123", "O'Brien", "Mueller", "josé.1984@example.com",
)  # fmt: skip
LONG = b"The customer jane.doe+6@example.com was born on 9 March 1984 and lives in 12 Elm Street"
SECRET = "s3cr3t-Token/Value+0123456789abcdef"
WORDS = st.sampled_from(
    [*PERSON, "janedoe", "JANE", "Doe-", "mueller", "MULLER", "5550104477", "15550104477", "9 March 1984", "09/03/84",
     "20240309", "30384", "jan", "decade 5", "Jan 5, 1984", "4.3.2.1-1984", "1984mar9", "@", ", ", "-", ":", '"', "\n",
     "=", "%41", "\\u004a", "ä", "x", "7", "id", "status", "transaction_id", SECRET, SECRET[:12],
     b64encode(b"Jane Doe").decode(), encodebytes(LONG).decode(), LONG.hex(), b64encode(b64encode(b"Mueller")).decode(),
     hashlib.md5(b"jane").hexdigest(), b64encode(hashlib.md5(b"doe").digest()).decode(), "c0ffee00" * 3,
     "6f1c2a34-9b7d-4c1e-8f00-123456789abc"]
)  # fmt: skip
TEXT = st.builds("".join, st.lists(st.one_of(WORDS, st.text("jan109 -/.aäZ_", max_size=6)), max_size=6))
quickly = settings(deadline=None, max_examples=200)


@given(TEXT)
@quickly
def test_dates_hashes_and_encodings_are_found_as_a_search_at_each_character_finds_them(text: str) -> None:
    folded = decoded_view.fold_letters(text)
    pattern = dates._WITH_NAMES if any(map(folded.__contains__, dates._MONTHS)) else dates._WITHOUT_NAMES
    matches = [match for at in range(len(folded)) if (match := pattern.match(folded, at))]
    every = [(*match.span(), frozenset(dates._days(match))) for match in matches]
    assert list(dates.dates_in(folded)) == [each for each in every if each[2]]
    runs = [run.span() for run in decoded_view._LONG_RUN.finditer(text) if not decoded_view._NO_HASH.fullmatch(run[0])]
    assert [run.span() for run in decoded_view.may_be_hashes(text)] == runs
    assert decoded_view.squeezed(text) == decoded_view._SEPARATORS.sub("", text)
    packed = [*decoded_view._unpacked_lines(text), *decoded_view._unpacked_hex(text)]
    assert sorted(decoded_view.unpacked(text)) == sorted(packed)


@given(st.lists(st.sampled_from(PERSON), min_size=1, max_size=5), TEXT)
@quickly
def test_a_text_that_may_hold_none_of_a_persons_values_holds_none(values: list[str], text: str) -> None:
    reading = DecodedText(text)
    found = list(personal.find_people(values, reading))
    assert personal._hold_any(tuple(values), reading) or not found
    assert personal.people_in(values, reading) or not found


class Forgetful(Redactor):
    """Looks at each exchange as at its first."""

    def personal_in(self, texts: Iterable[str], personal: Collection[str]) -> Collection[str]:
        for known in (self._known_spans, self._known_headers, self._readings):
            known.clear()
        return super().personal_in(texts, personal)


REMEMBERING, FORGETFUL = (kind(secrets={"KEY": SECRET}, key=b"k") for kind in (Redactor, Forgetful))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=2, max_size=3))
@settings(deadline=None, max_examples=25)
def test_what_is_hidden_does_not_depend_on_the_exchanges_before(texts: list[tuple[str, str, str]]) -> None:
    for header, body, answer in [*texts, *texts]:
        headers = (("X-Id", header), ("Authorization", f"Bearer {SECRET}"))
        exchange = Exchange(
            Transaction(1, "t", {}),
            Request("POST", "https://example.com/leads", headers, body.encode()),
            Response(200, (("X-Trace", header), ("Date", "Fri, 09 Mar 1984 01:02:03 GMT")), answer.encode()),
            Outcome(OutcomeKind.DELIVERED),
        )
        assert record(exchange, REMEMBERING, PERSON) == record(exchange, FORGETFUL, PERSON)


def test_what_base64_holds_is_found_beside_other_base64() -> None:
    twice = b64encode(b64encode(b"47514")).decode()
    shown = Redactor(key=b"k").text(f"{twice}, {twice}", ["47514"])
    assert twice.rstrip("=") not in shown

"""Forms of texts: times in each notation, identifiers, and texts with holes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rokt_export.diff.forms import common_form, form_of, keeps_form, prefix_of, punctuation_of, read_time, skeleton

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()
DAY = datetime(2026, 11, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "seconds", "resolution"),
    [
        ("2026-11-30T12:00:00Z", NOON, 1.0),
        ("2026-11-30T13:00:00+01:00", NOON, 1.0),
        ("2026-11-30T12:00:00.250Z", NOON + 0.25, 0.001),
        ("2026-11-30 12:00", NOON, 60.0),
        ("11/30/2026 12:00:00 PM", NOON, 1.0),
        ("30.11.2026", DAY, 86_400.0),
        ("20261130T120000Z", NOON, 1.0),
        ("20261130120000", NOON, 1.0),
        ("Mon, 30 Nov 2026 12:00:00 GMT", NOON, 1.0),
        (str(int(NOON)), NOON, 1.0),
        (f"{int(NOON)}000", NOON, 0.001),
        (f"/Date({int(NOON)}000)/", NOON, 0.001),
        ("12:00:00", 43_200.0, 1.0),
    ],
)
def test_a_time_is_read_in_each_notation(text: str, seconds: float, resolution: float) -> None:
    found = read_time(text)
    assert found is not None
    assert (found.seconds, found.resolution, found.of_day) == (seconds, resolution, text == "12:00:00")


@pytest.mark.parametrize("text", ["2026-13-01", "2026-02-30T00:00:00Z", "1.2.3", "12345", "at noon", "", "9" * 10])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["f81d4fae-7dec-41d0-a765-00a0c91e6bf6"], "uuid"),
        (["2026-11-30T12:00:00Z", "2026-11-29T12:00:00Z"], "YYYY-MM-DDThh:mm:ssZ"),
        (["0a1b2c3d", "ffee0011"], "hex of 8"),
        (["00123", "98765"], "digits of 5"),
        (["abc", "Zoë"], "letters of 3"),
        (["a1Z", "b22c"], "letters and digits"),
        (["a sentence", "another, longer one"], "text"),
        ([], "text"),
    ],
)
def test_texts_have_a_form_in_common(texts: list[str], form: str) -> None:
    assert common_form(texts) == form
    assert keeps_form(form, texts)


def test_a_form_is_kept_by_texts_that_may_have_a_narrower_one_by_chance_only() -> None:
    assert keeps_form("letters and digits of 3", ["abc", "xyz"])
    assert not keeps_form("letters and digits of 3", ["abcd"])
    assert not keeps_form("hex of 8", ["0a1b2c3g"])
    assert not keeps_form("letters and digits", [f"{number:08}" for number in range(40)])


def test_a_text_has_holes_where_it_varies() -> None:
    text, stood = skeleton("Order lead_8f3a21 of jane was stored at 12:00:00", ("jane",))
    other, _ = skeleton("Order lead_77b001 of jane was stored at 13:30:10", ("jane",))
    assert text == other and "Order lead_" in text and "was stored at" in text
    assert stood == ("8f3a21", "jane", "12:00:00")


def test_prefix_and_punctuation_of_an_identifier() -> None:
    assert [prefix_of(text) for text in ("lead_8f3a", "LD-7", "W/abc", "8f3a")] == ["lead_", "LD-", "W/", ""]
    assert punctuation_of("ab:cd:12:9f") == ":::"
    assert form_of("plain words") == ""

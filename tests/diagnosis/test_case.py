"""What a refusal says: whether the set-up is wrong, and what its head, its text and its token tell."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from rokt_export.diagnosis.case import Case, SentDelivery, is_about_its_row, moment, needs_diagnosis
from rokt_export.exchange.model import OutcomeKind, Response

SENT = SentDelivery("POST", "https://api.example.com/leads", {"authorization": "bearer $ACME_TOKEN"}, True)


def case(status: int = 401, body: str = "", at: float | None = None, **headers: str) -> Case:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Case(SENT, Response(status, named, body.encode()), None, at)


@pytest.mark.parametrize(
    ("status", "fault", "needed"),
    [
        (401, None, True),
        (403, None, True),
        (404, None, True),
        (429, None, True),
        (302, None, True),
        (None, "tls", True),
        (200, None, False),
        (422, None, False),
        (500, None, False),
        (None, None, False),
    ],
)
def test_a_status_or_a_fault_says_that_the_set_up_is_wrong(status: int | None, fault: str | None, needed: bool) -> None:
    assert needs_diagnosis(status, fault) is needed


@pytest.mark.parametrize("kind", OutcomeKind)
def test_only_a_refusal_with_a_status_of_data_is_about_its_row(kind: OutcomeKind) -> None:
    about = kind in (OutcomeKind.REJECTED, OutcomeKind.DUPLICATE)
    assert (is_about_its_row(kind, 422), is_about_its_row(kind, 401)) == (about, False)


def test_schemes_that_were_sent_and_that_are_asked_for() -> None:
    assert SENT.scheme == "bearer"
    assert SentDelivery("POST", "", {"authorization": "$ACME_TOKEN"}, True).scheme is None
    assert case(WWW_Authenticate='Basic realm="Bearer", Digest nonce="x"').asks_for == ["basic", "digest"]


def test_the_text_has_what_tells_of_errors_and_no_tags() -> None:
    found = case(403, "<p>Not you</p>", Content_Type="text/html", X_Error_Code="E7", X_Other="no")
    assert found.is_page
    assert found.text.split("\n")[0] == "X-Error-Code: E7"
    assert "Not you" in found.text and "<p>" not in found.text and "X-Other" not in found.text
    fault = Case(SENT, None, ("tls", "certificate has expired"), None)
    assert (fault.status, fault.text.strip(), fault.edges, fault.is_page) == (
        None,
        "certificate has expired",
        [],
        False,
    )


@pytest.mark.parametrize(
    ("headers", "at", "skew"),
    [
        ({"Date": "Mon, 30 Nov 2026 12:00:00 GMT"}, 1_796_040_060.0, 60.0),
        ({"Date": "Mon, 30 Nov 2026 12:00:00 GMT", "Age": "7"}, 1_796_040_060.0, None),
        ({"Date": "Mon, 30 Nov 2026 12:00:00 GMT"}, None, None),
        ({"Date": "nonsense"}, 1_796_040_060.0, None),
        ({}, 1_796_040_060.0, None),
    ],
)
def test_the_clock_is_compared_only_with_a_response_that_no_cache_kept(
    headers: dict[str, str], at: float | None, skew: float | None
) -> None:
    assert case(at=at, **headers).skew == skew


def test_the_claims_of_a_token_that_is_sent_are_read() -> None:
    part = base64.urlsafe_b64encode(json.dumps({"exp": 7}).encode()).decode().rstrip("=")
    requests: Any = SimpleNamespace(delivery_headers=[("Authorization", f"Bearer eyJhbGciOiJub25lIn0.{part}.x")])
    assert case().claims == []
    assert Case(SENT, Response(401), None, None, requests).claims == [{"exp": 7}]


def test_a_moment_that_no_calendar_has_is_shown_as_its_number() -> None:
    assert moment(0) == "1970-01-01 00:00:00 UTC"
    assert moment(1e30) == "1e+30"

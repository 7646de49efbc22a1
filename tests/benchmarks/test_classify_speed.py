"""How long one answer takes to classify by the rules of the Mailchimp sample: at most 15 us, parsing included."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from rokt_export.exchange.model import Response
from rokt_export.partner_spec.loading import load_spec
from rokt_export.response.classify import Classifier

SAMPLE = Path(__file__).parents[2] / "sample_specs" / "mailchimp.yaml"
LIMIT = 15e-6
HEADERS = (
    ("Server", "openresty"),
    ("Content-Type", "application/problem+json; charset=utf-8"),
    ("Content-Length", "182"),
    ("X-Request-Id", "7dd0dbb5-59a5-4f9a-a6b7-2ec6ad2a0d3a"),
    ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"),
    ("Connection", "keep-alive"),
)
ANSWERS = {
    "delivered": Response(200, HEADERS, b'{"id": "2cbec6ad2a0d3a5fae2b0a4b1d33c0e1", "status": "subscribed"}'),
    "duplicate": Response(
        400,
        HEADERS,
        b'{"title": "Member Exists", "status": 400, "detail": "jane.doe@example.com is already a list member."}',
    ),
    "rejected": Response(
        400,
        HEADERS,
        b'{"title": "Invalid Resource", "status": 400, "detail": "Please provide a valid email address."}',
    ),
    "failed": Response(503, HEADERS, b"<html><body>Service Unavailable</body></html>"),
}


@pytest.mark.parametrize("outcome", ANSWERS)
def test_classify(benchmark: BenchmarkFixture, outcome: str) -> None:
    classifier = Classifier(load_spec(SAMPLE).spec.responses)
    answer = ANSWERS[outcome]
    assert benchmark(classifier.classify, answer).kind == outcome
    if benchmark.stats is not None:  # none where benchmarks are switched off
        assert benchmark.stats.stats.median < LIMIT

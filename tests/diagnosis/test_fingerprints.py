"""Marks of firewalls and words of causes: each names one that is known, and a mark alone is no refusal."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from rokt_export.diagnosis.case import edges_of
from rokt_export.diagnosis.fingerprints import EDGES, SAYINGS
from rokt_export.diagnosis.suspects import SUSPECTS
from rokt_export.exchange.model import Response


def test_each_edge_has_one_entry() -> None:
    assert [name for name, count in Counter(each.name for each in EDGES).items() if count > 1] == []


def test_words_name_causes_that_have_a_suspect_and_prove_something() -> None:
    assert {each.cause for each in SAYINGS} <= SUSPECTS.keys()
    for each in SAYINGS:
        assert 0 < each.weight < 1
        for pattern in (each.words, each.unless):
            assert not pattern or not re.search(pattern, "", re.IGNORECASE), each


@pytest.mark.parametrize(
    ("header", "value", "name", "body"),
    [
        ("CF-RAY", "8f2c-FRA", "Cloudflare", "<p>Sorry, you have been blocked</p>"),
        ("X-Amz-Cf-Id", "a1b2", "AWS CloudFront or AWS WAF", "The request could not be satisfied."),
        ("X-Iinfo", "7-1", "Imperva Incapsula", "Incapsula incident ID: 443000270-1"),
        ("X-Azure-Ref", "0a1b", "Azure Front Door", "The request is blocked."),
        ("X-Served-By", "cache-fra-1", "Fastly", "Guru Meditation"),
        ("Set-Cookie", "TS01a2b3c4=x", "F5 BIG-IP", "The requested URL was rejected."),
        ("Server", "Vercel", "Vercel", "Vercel Security Checkpoint"),
    ],
)
def test_an_edge_that_a_response_passed_is_told_from_one_that_refused(
    header: str, value: str, name: str, body: str
) -> None:
    for text, blocks in (("{}", False), (body, True)):
        found = {edge.name: own for edge, own in edges_of(Response(403, ((header, value),), text.encode()))}
        assert found == {name: blocks}

"""Bodies of each form are read: JSON, XML, text, binaries, and what is none of them."""

from __future__ import annotations

import pytest

from rokt_export.diff import DifferenceKind, Section
from tests.diff.sides import compared, found, side, xml


def test_content_types_are_compared_by_meaning():
    a = side({}, headers=(("Content-Type", "Application/JSON;Charset=UTF-8"),))
    b = side({}, headers=(("content-type", 'application/json; charset="utf-8"'),))
    assert not compared([(a, b)]).differs


def test_binaries_are_compared_by_size_and_digest():
    png = (("Content-Type", "image/png"),)
    result = compared([(side(b"\x89PNG\0a", headers=png), side(b"\x89PNG\0bc", headers=png))])
    assert found(result) == [("binary", "$", 1)]
    assert result.differences[0].samples[0].a.startswith("6 bytes, sha256 ")


def test_json_broken_on_one_side_is_a_difference():
    result = compared([({"a": 1}, b'{"a": 1')])
    (difference,) = result.differences
    assert (difference.kind, difference.section, difference.detail) == (
        DifferenceKind.FORMAT,
        Section.SHAPE,
        "JSON → text",
    )
    assert "not JSON" in difference.samples[0].b
    assert not compared([(b'{"a": 1', b'{"a": 1')]).differs
    assert found(compared([({"a": 1}, b"")])) == [("format", "$", 1)]
    assert not compared([(b"", b" ")]).differs


def test_a_html_page_instead_of_json():
    page = side(b"<html><body>Down</body></html>", headers=(("Content-Type", "text/html"),))
    assert [one[:2] for one in found(compared([({"a": 1}, page)]))] == [
        ("header", "header content-type"),
        ("format", "$"),
    ]


def test_a_body_cut_in_the_recording_is_not_judged():
    result = compared([(side(b'{"a', truncated=True), side(b'{"b', truncated=True))])
    assert not result.differs
    assert [(one.count, one.reason) for one in result.undecided] == [
        (1, "is not compared: it was cut when it was recorded")
    ]


@pytest.mark.parametrize("depth", [150, 900, 5_000, 200_000])
def test_deep_nesting(depth):
    deep, deeper = b"[" * depth + b"]" * depth, b"[" * depth + b"1" + b"]" * depth
    assert not compared([(deep, deep)]).differs
    assert compared([(deep, deeper)]).differs
    open_, close = "<a>" * depth, "</a>" * depth
    assert not compared([(xml(open_ + close), xml(open_ + close))]).differs
    assert compared([(xml(open_ + close), xml(open_ + "x" + close))]).differs


def test_of_a_key_that_stands_twice_the_last_counts():
    assert not compared([(b'{"a": 1, "a": 2}', b'{"a": 2}')]).differs


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe{\x00",
        b"\x00" * 50,
        b"{" * 10,
        b"<a",
        b"<a><b></a>",
        b"\xef\xbb\xbf{}",
        b'{"\\ud800": "\\udfff"}',
        b"NaN",
        b"[NaN, 1e999]",
    ],
)
def test_odd_bodies_are_compared_all_the_same(body):
    assert not compared([(body, body)]).differs
    assert compared([(body, {"a": 1})]).differs

"""The types of a spec's values: durations, rates, sizes, statuses and URLs, and what is none of them."""

from __future__ import annotations

import pytest
from pydantic_core import PydanticCustomError

from rokt_export.spec_language.fields import _proved, duration, rate, rates, size, status_ranges


@pytest.mark.parametrize(
    ("written", "expected"), [("10s", 10), ("500ms", 0.5), ("2m", 120), ("1h", 3600), (3, 3), ("1.5", 1.5)]
)
def test_durations(written, expected):
    assert duration(written) == expected


@pytest.mark.parametrize("written", ["", "0", "-1s", "10x", True, None, ["1s"]])
def test_what_is_no_duration(written):
    with pytest.raises(ValueError, match="is not a duration"):
        duration(written)


@pytest.mark.parametrize(
    ("read", "most", "beyond", "said"),
    [
        (duration, "87600h", "87601h", "a duration is at most 10 years"),
        (duration, "315360000", "9" * 400 + "s", "a duration is at most 10 years"),
        (rate, "1000000000/s", "1000000001/s", "a rate is at most 1,000,000,000 requests per second"),
        (rate, "1/3650d", "9" * 100_000 + "/s", "a rate is at most 1,000,000,000 requests per second"),
        (rate, "1/3650d", "1/" + "9" * 400 + "s", "it is at most 10 years"),
        (size, "1000GB", "1001GB", "a size is at most 1,000 GB"),
        (size, 10**12, 10**400, "a size is at most 1,000 GB"),
        (size, "7", "9" * 5000, "a size is at most 1,000 GB"),
    ],
)
def test_numbers_are_bounded_by_what_the_engine_takes(read, most, beyond, said):
    assert read(most)
    with pytest.raises(ValueError, match=said) as caught:
        read(beyond)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("written", "expected"), [("10/s", 10), ("600/m", 10), ("3600 / h", 1), ("0.5/s", 0.5)])
def test_rates(written, expected):
    assert rate(written).per_second == expected


@pytest.mark.parametrize("written", ["10", 10, "0/s", "10/w", "10/0s", "-1/s", None])
def test_what_is_no_rate(written):
    with pytest.raises(ValueError, match="is not a rate"):
        rate(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("190/10s", "190/10 s"),
        ("1000000/d", "1000000/d"),
        ("150 / m", "150/m"),
        ("60/60s", "60/m"),
    ],
)
def test_a_rate_is_said_in_its_span(written, said):
    assert str(rate(written)) == said


def test_a_rate_without_a_value_is_no_limit():
    assert rates(None) == ()


def test_of_several_rates_each_is_whole():
    assert rates(["10/s", "150/m"]) == ((10, 1), (150, 60))
    with pytest.raises(ValueError, match="not a whole number"):
        rates(["10/s", "0.5/m"])


@pytest.mark.parametrize(("written", "expected"), [("500KB", 500_000), ("10 mb", 10_000_000), (7, 7), ("1GB", 10**9)])
def test_sizes(written, expected):
    assert size(written) == expected


@pytest.mark.parametrize("written", ["", "1.5MB", "10XB", True, -1, None])
def test_what_is_no_size(written):
    with pytest.raises(ValueError, match="is not a size"):
        size(written)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (200, ((200, 200),)),
        ("200-299", ((200, 299),)),
        ("200 - 204", ((200, 204),)),
        ("4XX", ((400, 499),)),
        ([200, "5xx"], ((200, 200), (500, 599))),
    ],
)
def test_statuses(written, expected):
    assert status_ranges(written) == expected


@pytest.mark.parametrize("written", [99, 600, "6xx", "299-200", "2x", "", [], None, True, "200,201"])
def test_what_is_no_status(written):
    with pytest.raises(ValueError, match="is not an HTTP status"):
        status_ranges(written)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://h/{{ lastname }}#f", "a fragment"),
        ("https://h/x#f", "a fragment"),
        ("https://h/{{ lastname }} b", "a blank"),
        ("https://h/{{ lastname }}\\b", "a backslash"),
    ],
)
def test_what_no_url_holds_is_a_finding(url, words):
    with pytest.raises(PydanticCustomError, match=words):
        _proved(url)


@pytest.mark.parametrize("url", ["https://h/{# why #}{{ a | default(' #') }}/{id}?x={{ b }}", " https://h/\u00e9 "])
def test_what_a_url_may_hold_is_none(url):
    assert _proved(url) == url

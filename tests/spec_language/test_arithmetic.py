"""Numbers of a row are calculated and compared exactly; text is not, and a template's time is bounded."""

from __future__ import annotations

import time

import pytest

from rokt_export.spec_language.filters import ABSENT, FilterError, Number
from rokt_export.spec_language.template import check_numbers
from rokt_export.spec_language.template_places import TemplatePlace, TemplateProblem
from tests.spec_language.filling import fill


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ (amount | number) * 100 }}", "110.00"),
        ("{{ (amount | number) * (b | number) }}", "3.30"),
        ("{{ amount | number + 1 }}", "2.10"),
        ("{{ (amount | number) - 0.1 }}", "1.00"),
        ("{{ (amount | number) / 4 }}", "0.275"),
        ("{{ (b | number) // 2 }}", "1"),
        ("{{ -(b | number) // 2 }}", "-2"),
        ("{{ (b | number) % -2 }}", "-1"),
        ("{{ (big | number) * 1 }}", "90071992547409931234567890123456789"),
        ("{% if (amount | number) >= 1.1 %}y{% endif %}", "y"),
        ("{{ 1 < (amount | number) < 2 }}", "true"),
        ("{{ (amount | number) == 1.1 }}", "true"),
        ("{{ (b | number) > (amount | number) }}", "true"),
        ("{{ (empty | number) * 2 }}", ""),
        ("{{ (empty | number) > 2 }}", "false"),
        ("{{ (absent | number) * 2 }}", ABSENT),
        ("{{ (absent | number) > 2 }}", ABSENT),
        ("{{ 'a' + b }}", "a3"),
    ],
)
def test_numbers_of_a_row_are_worked_with_exactly(source, expected):
    values = {"amount": "1.10", "b": "3", "empty": "", "big": "90071992547409931234567890123456789"}
    assert fill(source, values) == expected
    if expected is not ABSENT:
        assert fill(source, values, place=TemplatePlace.TEXT) == expected


def test_a_calculated_number_is_bare_in_json():
    assert isinstance(fill("{{ (amount | number) * 100 }}", {"amount": "1.10"}), Number)
    assert isinstance(fill("{{ -(amount | number) }}", {"amount": "1.10"}), Number)
    assert fill("{{ -(amount | number) }}", {"amount": "1.10"}) == "-1.10"
    assert fill("{{ -(amount | number) }}", {}) is ABSENT


@pytest.mark.parametrize(
    "source",
    [
        "{{ amount * 100 }}",
        "{{ amount > 10 }}",
        "{{ amount + 1 }}",
        "{{ 1 <= attributes['a b'] }}",
        "{{ -amount }}",
        "{{ (amount | trim) * 2 }}",
        "{% for part in amount | split %}{{ part * 2 }}{% endfor %}",
    ],
)
def test_arithmetic_with_text_is_a_finding(source):
    with pytest.raises(TemplateProblem, match=r"takes numbers, and `.*` is text: write `-?\(.* \| number\)"):
        check_numbers(source)
    with pytest.raises(FilterError, match="number"):
        fill(source, {"amount": "1", "a b": "1"})


@pytest.mark.parametrize("source", ["{% for n in [1, 2] %}{{ n * 2 }}{% endfor %}", "{{ a + b }}", "{{ a < b }}"])
def test_what_may_be_numbers_or_joins_texts_is_no_finding(source):
    check_numbers(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ (amount | upper) * 100 }}", "takes numbers"),
        ("{{ (amount | upper) > 100 }}", "compares a number with text"),
        ("{{ (amount | number) / 0 }}", "divided by zero"),
        ("{{ (amount | number) * 1e999 }}", "too large"),
        ("{{ 1 in amount }}", "`in` looks for"),
        ("{{ [1] < ['a'] }}", "two numbers or two texts"),
        ("{{ [1] + amount }}", "two numbers, two texts or two lists"),
    ],
)
def test_what_cannot_be_worked_out_is_told_in_plain_words(source, words):
    with pytest.raises((FilterError, TemplateProblem), match=words) as caught:
        fill(source, {"amount": "1.10"})
    assert "class" not in str(caught.value)
    assert "NoneType" not in str(caught.value)


def test_the_time_of_a_template_is_that_of_the_processor(monkeypatch):
    monkeypatch.setattr(time, "monotonic", iter(range(10_000)).__next__)
    assert fill("{% for x in a %}{{ x }}{% endfor %}", {"a": ["1", "2", "3"]}) == "123"

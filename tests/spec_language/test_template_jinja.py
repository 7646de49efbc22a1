"""What only jinja2 can fill, that it agrees with the compiled short way, and the bounds of a template."""

from __future__ import annotations

import time

import pytest

from rokt_export.spec_language.filters import ABSENT, FilterError
from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplatePlace, TemplateProblem
from tests.spec_language.filling import HOSTILE, fill

EXPRESSIONS = [
    "{{ a }}",
    "{{ a | trim | upper }}",
    "{{ a | default('x') }}-{{ b | default('y') }}",
    "{{ a | map(equal={'1': 'one'}, default='?', empty='-') }}",
    "{{ a | sha256(case='upper') }} {{ b }}",
    "{{ attributes['b c'] }}{{ a }}",
    "{{ env.X }}/{{ a }}",
    "{{ a | tojson }}",
    'é {{ a }} " & <',
]
ROWS = [{}, {"a": None}, {"a": ""}, {"a": "1", "b": HOSTILE.strip()}, {"a": " 'q' ", "b": None, "b c": "z"}]


@pytest.mark.parametrize("source", EXPRESSIONS)
@pytest.mark.parametrize("place", [place for place in TemplatePlace if place is not TemplatePlace.PARTS])
def test_jinja_agrees_with_the_short_way(source, place):
    """An empty `if` sends the same template through jinja2 itself."""
    slow = source + "{% if a %}{% endif %}"
    quick = source + "{{ '' }}"  # text, as jinja2 always gives
    for row in ROWS:
        assert fill(slow, row, {"X": "h/?"}, place) == fill(quick, row, {"X": "h/?"}, place)


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("{% if a %}yes{% else %}no{% endif %}", {}, "no"),
        ("{% if a == 'x' %}yes{% endif %}", {"a": "x"}, "yes"),
        ("{{ a if a else b }}", {"b": "2"}, "2"),
        ("{{ a ~ '/' ~ b }}", {"a": "1", "b": "2"}, "1/2"),
        ("{{ a ~ '/' ~ b }}", {"a": "1"}, ABSENT),
        ("{% for x in a %}{{ x }};{% endfor %}", {"a": ["1", "2"]}, "1;2;"),
        ("{{ a.b }}{{ c[0] }}", {"a": {"b": "1"}, "c": ["2"]}, "12"),
        ("{{ a | replace(b, '') }}", {"a": "abc", "b": "b"}, "ac"),
        ("{# a remark #}x", {}, "x"),
    ],
)
def test_what_only_jinja_can(source, values, expected):
    assert fill(source, values) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ a.__class__.__mro__ }}",
        "{{ a + 1 }}",
        "{{ 1 / 0 ~ a }}",
        "{{ a | split('') }}",
        "{{ a | slice('x') }}",
        "{{ a | replace(1) }}",
        "{{ a | map(equal=3) }}",
        "{{ a | date }}",
    ],
)
def test_a_value_that_cannot_be_filled_is_a_filter_error(source):
    with pytest.raises(FilterError):
        fill(source, {"a": "x"})


@pytest.mark.parametrize("place", list(TemplatePlace))
def test_a_filter_that_finds_nothing_gives_nothing_in_jinja_as_in_the_short_way(place):
    plain = "{{ gender | map({'M': 'Mr'}) }}"
    by_jinja = "{% if true %}" + plain + "{% endif %}"
    for values in ({}, {"gender": None}, {"gender": "x"}, {"gender": "M"}):
        given = [compile_template(source, place).fill(values, {}) for source in (plain, by_jinja)]
        assert given[0] == given[1] or (not given[0] and not given[1])
        assert "ABSENT" not in str(given[1]) or given[1] is ABSENT


BIG = "x" * 900_000


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 300000000 }}",
        "{{ 300000000 * 'a' }}",
        "{{ ['a'] * 300000000 }}",
        "{{ ('a' ~ 'b') * 300000000 }}",
        "{% if x %}{{ 'a' * 300000000 }}{% endif %}",
        "{{ x | replace('x', 'a' * 300000000) }}",
        "{{ range(10**9) | join }}",
        "{% for a in range(10**9) %}{% endfor %}",
        "{% for a in x %}{% for b in x %}{% for c in x %}{{ a }}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in x %}{% if a %}{% for b in x %}{% endfor %}{% endif %}{% endfor %}",
        "{% for a in x recursive %}{{ loop(x) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m() %}{% endmacro %}",
        "{% set a = 'aa' %}{% set a = a ~ a %}{{ a }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ x.ljust(1000000000) }}",
        "{{ x | center(1000000000) }}",
        "{{ [1] | batch(100000000) | list }}",
        "{{ 'x' | replace('x', '" + "y" * 1000 + "') | replace('y', '" + "z" * 1001 + "') }}",
        "{% for a in '" + "x" * 2000 + "' %}" + "y" * 1000 + "{% endfor %}",
        "{{ " + "(" * 5000 + "x" + ")" * 5000 + " }}",
        "{% if x %}" * 150 + "{% endif %}" * 150,
        "{{ " + "x+" * 20_000 + "x }}",
        "{{ " + "9" * 5_000 + " }}",
        "{{ x is foo }}",
        "{% include 'x' %}",
    ],
)
def test_a_template_without_bounds_does_not_compile(source):
    began = time.process_time()
    with pytest.raises(TemplateProblem):
        compile_template(source)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "source",
    [
        "{{ x * 300000000 }}",
        "{{ x % 5 }}",
        "{{ x | replace('x', 'yyyyyyyyyy') }}",
        "{{ x | replace('', 'yy') }}",
        "{{ x | replace('x', y) }}",
        "{{ x | split('x') | join('----------') }}",
        "{{ x | urlencode | base64 | base64 }}",
        "{{ x ~ x }}",
        "{{ x + x }}",
        "{{ x }}{{ x }}",
        "{% for a in x %}{{ x }}{% endfor %}",
        "{% for a in x %}{{ x | md5 | slice(0, 0) }}{% endfor %}",
        "{% for a in x %}{% if x == y %}{% endif %}{% endfor %}",
        "{{ n * n * n * n * n * n }}",
    ],
)
def test_what_a_row_makes_too_long_is_a_filter_error_at_once(source):
    values = {"x": BIG, "y": "z" * 900_000, "n": 10**400}
    template = compile_template(source)
    began = time.process_time()
    with pytest.raises(FilterError, match=r"characters|takes numbers|too large|more than 0\.5 s"):
        template.fill(values, {})
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("source", "values", "expected"),
    [
        ("{{ n * 100 }}", {"n": 3}, "300"),
        ("{{ n % 7 + 1 }}", {"n": 9}, "3"),
        ("{{ a + b }}", {"a": "1", "b": "2"}, "12"),
        ("{{ a ~ 5 ~ true }}", {"a": "x"}, "x5True"),
        ("{% for a in x if a != 'b' %}{{ loop.index }}{{ a }}{% else %}none{% endfor %}", {"x": "abc"}, "1a2c"),
        ("{% for a in x %}{{ a }}{% else %}none{% endfor %}", {"x": []}, "none"),
        ("{{ [a, b] | join(' ') }}", {"a": "x", "b": "y"}, "x y"),
        ("{{ a[1:3] }}", {"a": "abcd"}, "bc"),
        ("{{ 'yes' if a in ['x', 'y'] and b is defined else 'no' }}", {"a": "x", "b": "1"}, "yes"),
    ],
)
def test_what_is_bounded_stays(source, values, expected):
    assert fill(source, values) == expected


def test_half_a_character_in_a_template_is_a_finding():
    with pytest.raises(TemplateProblem, match="half of a surrogate pair"):
        compile_template("{{ '\\ud800' }}")

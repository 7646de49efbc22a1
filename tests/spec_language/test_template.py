"""Templates: gaps, escaping for each place, and that jinja2's way equals the compiled short way."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.spec_language import template as template_module
from rokt_export.spec_language.filters import ABSENT, FilterError, Number
from rokt_export.spec_language.template import attribute_template, check_numbers, compile_template, constant_template
from rokt_export.spec_language.template_places import BODIES, TemplatePlace, TemplateProblem

HOSTILE = "é&<>'\"\\/ +%\n"


def fill(source, values=None, env=None, place=TemplatePlace.VALUE):
    return compile_template(source, place).fill(values or {}, env or {})


def test_a_lone_expression_keeps_its_value():
    for value in ("x", "", None, ["a"], {"a": "b"}):
        assert fill("{{ a }}", {"a": value}) is value
    assert fill("{{ a }}") is ABSENT
    assert fill("{{ a | boolean }}", {"a": "yes"}) is True


def test_text_around_makes_text():
    assert fill("<{{ a }}>", {"a": None}) == "<>"
    assert fill("{{ a }}{{ b }}", {"a": ["x"], "b": True}) == '["x"]true'
    assert fill("{{ a }} ", {"a": "x"}) == "x "


def test_one_absent_attribute_makes_the_value_absent_but_leaves_a_gap_in_a_whole_body():
    for place in TemplatePlace:
        expected = "1-" if place in BODIES else ABSENT
        assert fill("{{ a }}-{{ b }}", {"a": "1"}, place=place) == expected


def test_filters_pass_absent_and_null_on_except_those_that_fill():
    assert fill("{{ a | upper | md5 }}") is ABSENT
    assert fill("{{ a | upper }}", {"a": None}) is None
    for values in ({}, {"a": None}, {"a": ""}):
        assert fill("{{ a | upper | default('x') }}", values) == "x"
        assert fill("{{ a | map(equal={'M': 'm'}, default='?') }}", values) == "?"


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (TemplatePlace.VALUE, HOSTILE),
        (TemplatePlace.TEXT, HOSTILE),
        (TemplatePlace.URL, "%C3%A9%26%3C%3E%27%22%5C%2F%20%2B%25%0A"),
        (TemplatePlace.JSON, "é&<>'\\\"\\\\/ +%\\n"),
        (TemplatePlace.XML, "é&amp;&lt;&gt;&apos;&quot;\\/ +%\n"),
    ],
)
def test_escaping_fits_the_place(place, expected):
    assert fill("[{{ a }}]", {"a": HOSTILE}, place=place) == f"[{expected}]"


@pytest.mark.parametrize("sign", ["\r", "\n", "\0"])
def test_a_header_cannot_hold_a_line_break(sign):
    with pytest.raises(FilterError, match="line break"):
        fill("x {{ a }}", {"a": f"a{sign}b"}, place=TemplatePlace.HEADER)
    assert fill("x {{ a }}", {"a": "é b"}, place=TemplatePlace.HEADER) == "x é b"


@pytest.mark.parametrize("more", ["", "{% if a %}{% endif %}"])
def test_json_is_complete_in_a_json_body_and_escaped_elsewhere(more):
    source = "{{ a | tojson }}" + more
    assert fill(source, {"a": '<"'}, place=TemplatePlace.JSON) == '"<\\""'
    assert fill(source, {"a": "<"}, place=TemplatePlace.XML) == "&quot;&lt;&quot;"
    assert fill(source, {"a": "<"}, place=TemplatePlace.URL) == "%22%3C%22"


@pytest.mark.parametrize("more", ["", "{% if a %}{% endif %}"])
def test_an_environment_variable_may_be_the_base_of_a_url(more):
    env = {"BASE": "https://example.com/a?b=c"}
    assert (
        fill("{{ env.BASE }}&d={{ a }}" + more, {"a": "/"}, env, TemplatePlace.URL) == "https://example.com/a?b=c&d=%2F"
    )
    assert fill("{{ env.BASE }}" + more, {}, env, TemplatePlace.XML) == "https://example.com/a?b=c"
    assert fill("{{ env.BASE }}" + more, {}, {"BASE": "<"}, TemplatePlace.XML) == "&lt;"


def test_what_a_template_names():
    found = compile_template("{{ a | default('') }}{{ attributes['b c'] }}{{ env.X }}{{ env['Y'] }}{{ now }}")
    assert (found.attributes, found.env, found.constant) == (frozenset({"a", "b c"}), frozenset({"X", "Y"}), False)
    found = compile_template("{% if d == '1' %}{{ e }}{% endif %}{{ uuid }}")
    assert found.attributes == frozenset({"d", "e"})
    assert compile_template("plain } text").constant


def test_attributes_of_any_name():
    values = {"first name": "Jane", "e-mail": "x"}
    assert fill("{{ attributes['first name'] }}", values) == "Jane"
    assert attribute_template("e-mail").fill(values, {}) == "x"
    assert attribute_template("other").fill(values, {}) is ABSENT
    assert attribute_template("e-mail").attributes == {"e-mail"}


def test_constants_that_are_no_text():
    found = constant_template(True)
    assert (found.source, found.constant, found.fill({}, {})) == ("true", True, True)


def test_dynamic_names():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", fill("{{ now | date }}"))
    first, second = fill("{{ uuid }}"), fill("{{ uuid }}")
    assert first != second
    assert uuid.UUID(first).version == 4
    assert fill("{{ uuid ~ '' }}") != fill("{{ uuid ~ '' }}")


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


PARTS = ["{{ env.A }}", "{{env.B}}", "{{ env.GONE }}", "{{{ env.A }}}", "{{- env.A }}", "{{ email }}", *"x \n{}%#&é",
         "{{", "}}", "{%", "%}", "{#", "#}"]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join), st.sampled_from(TemplatePlace))
def test_text_of_environment_variables_alone_means_the_same_without_jinja(source, place):
    def compiled():
        try:
            template = compile_template.__wrapped__(source, place)
            return template, repr(template.fill({}, {"A": 'a&"b', "B": "Zoë"}))
        except (TemplateProblem, KeyError) as error:
            return type(error), str(error)

    short = compiled()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template_module, "_of_variables", lambda *_: None)
        assert compiled() == short


def test_most_specs_do_not_need_jinja():
    program = (
        "import sys; from rokt_export.spec_language.template import compile_template as compile;"
        "assert compile('https://{{ env.HOST }}/x').env == {'HOST'};"
        "sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


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


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ a | uper }}", "there is no filter `uper`; did you mean `upper`"),
        ("{{ a | qqq }}", "there is no filter `qqq`; there are trim,"),
        ("{{ a | replace }}", "filter `replace`: missing a required argument"),
        ("{{ a | date(1, 2, 3, 4, 5) }}", "filter `date`: too many positional"),
        ("{{ a | md5(size=3) }}", "filter `md5`: got an unexpected keyword argument 'size'"),
        ("{{ a", "`}}` is missing"),
        ("{% if a %}", "`{% if … %}` is not closed"),
        ("{{ a is odder }}", "there is no test `odder`"),
        (f"{{{{ {'9' * 5000} }}}}", "a number has too many digits"),
        ("{{{ Email }}}", "Rokt's old form"),
        ("{% if a %}{{ b | uper }}{% endif %}", "did you mean `upper`"),
    ],
)
def test_what_does_not_compile(source, message):
    with pytest.raises(TemplateProblem, match=re.escape(message)):
        compile_template(source)


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

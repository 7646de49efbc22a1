"""Templates: gaps, names, constants, and that most specs do without jinja2."""

from __future__ import annotations

import re
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rokt_export.spec_language import template as template_module
from rokt_export.spec_language.filters import ABSENT
from rokt_export.spec_language.template import attribute_template, compile_template, constant_template
from rokt_export.spec_language.template_places import BODIES, TemplatePlace, TemplateProblem
from tests.spec_language.filling import fill


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

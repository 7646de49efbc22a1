"""A template that cannot be parsed: what is wrong, in which expression, and what to write instead."""

from __future__ import annotations

import pytest

from rokt_export.spec_language.template import compile_template
from rokt_export.spec_language.template_places import TemplateProblem

WRONG = {
    "{{ first name }}": ("between `first` and `name`", "`attributes['first name']`"),
    "{{ first name of x | trim }}": ("between `first` and `name`", "`attributes['first name of x']`"),
    "{{ 1st }}": ("`1st` begins with a digit", "`attributes['1st']`"),
    "{{ a.first name }}": ("between `first` and `name`", "behind a `.`"),
    "{{ a | trim }": ("a `}` is missing", "`}}`"),
    "x {{a} y {{ b }}": ("`{{a}`: a `}` is missing", "`}}`"),
    "{{ a %}": ("ends with `%}`", "`}}`"),
    "{{ a": ("`}}` is missing", "`}}`"),
    "{% if a }}x{% endif %}": ("ends with `}}`", "`%}`"),
    "{% if a }x{% endif %}": ("a `}` is missing", "`%}`"),
    "{# a": ("`#}` is missing", "`#}`"),
    "{{ {{ a }} }}": ("inside another", "the name alone"),
    "{{ }}": ("nothing in it", "Write an attribute"),
    "{{ a | }}": ("the filter after `|` is missing", "Write the filter"),
    "{{ | trim }}": ("the value before `|` is missing", "Write it"),
    "{{ a | trim b }}": ("between `trim` and `b`", "`trim(…)`"),
    "{{ a | default 'x' }}": ("between `default` and", "`default(…)`"),
    "{{ a | default('x' }}": ("a `)` is missing", "Write `)`"),
    "{{ a[0 }}": ("a `]` is missing", "Write `]`"),
    "{{ a) }}": ("the `)` closes nothing", "Take it away"),
    "{{ a | default('x) }}": ("a quote is not closed", "Close the quote"),
    "{{ a | default('it's') }}": ("a quote is not closed", "an apostrophe"),
    "{{ a | default(“x”) }}": ("`“` has no meaning", "plain quotes"),
    "{{ a = b }}": ("`=` does not compare", "`==`"),
    "{{ a && b }}": ("`&` has no meaning", "`and`"),
    "{{ a || b }}": ("`||` has no meaning", "`or`"),
    "{{ !a }}": ("`!` has no meaning", "`not`"),
    "{{ a ? b : c }}": ("`?` has no meaning", "a if condition else b"),
    "{{ $a }}": ("`$` has no meaning", "the name alone"),
    "{{ a ~ }}": ("the value after `~` is missing", "Write it"),
    "{{ a and }}": ("the value after `and` is missing", "Write it"),
    "{{ a | date(%Y) }}": ("the value before `%` is missing", "between quotes"),
    "{{ a:b }}": ("`:` has no meaning", "brackets"),
    "{% if a %}x": ("`{% if … %}` is not closed", "`{% endif %}`"),
    "{% if a %}x{% endfor %}": ("`{% if … %}` before it is not closed", "`{% endif %}`"),
    "{% endif %}": ("`endif` has no `if`", "`{% if … %}`"),
    "{% if a %}x{% else if b %}y{% endif %}": ("`else if`", "`elif`"),
    "{% iff a %}x{% endif %}": ("no statement `iff`", "`if`"),
    "{% if %}x{% endif %}": ("`if` has no condition", "`{% if"),
    "{% for x a %}{% endfor %}": ("a name and a list", "`{% for"),
    "{{ a | default(x=1, 2) }}": ("cannot be read", "`{{ attribute | filter }}`"),
}


@pytest.mark.parametrize("source", WRONG)
def test_a_syntax_error_is_told_in_the_words_of_templates(source: str) -> None:
    with pytest.raises(TemplateProblem) as raised:
        compile_template(source)
    message, remedy = WRONG[source]
    assert message in str(raised.value)
    assert remedy in raised.value.remedy
    assert not any(word in str(raised.value) for word in ("token", "print statement", "Jinja", "expected", "char "))


def test_the_expression_is_named_without_a_secret() -> None:
    with pytest.raises(TemplateProblem) as raised:
        compile_template("{{ a }} and\n{{ token = 'hunter2hunter2' }}")
    assert str(raised.value).startswith("`{{ token")
    assert "hunter2" not in str(raised.value)


SECRET = "sk-live-9a8b7c6d5e4f3a2b1c"


@pytest.mark.parametrize(
    ("source", "secret"),
    [
        ("{{ '%s' email }}", SECRET),
        ("{{ email '%s' }}", SECRET),
        ("{%% if '%s' email %%}x{%% endif %%}", SECRET),
        ("{{ a | f(password='%s' email) }}", "hunter2"),
        ("{{ a %s }}", SECRET.replace("-", "_")),
        ("{{ a | %s b }}", SECRET.replace("-", "_")),
        ("{{ a | f(pin=%s) }}", "9a8b7c"),
        ("{%% %s %%}", SECRET.replace("-", "_")),
    ],
)
def test_no_message_shows_what_its_expression_masks(source: str, secret: str) -> None:
    with pytest.raises(TemplateProblem) as raised:
        compile_template(source % secret)
    assert secret not in f"{raised.value} {raised.value.remedy}"
    assert "\u2022" in str(raised.value)


def test_a_long_text_is_cut_in_a_message() -> None:
    with pytest.raises(TemplateProblem) as raised:
        compile_template(f"{{{{ '{'a b ' * 100}' email }}}}")
    assert len(str(raised.value)) < 200

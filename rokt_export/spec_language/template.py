"""Compiles template text (`{{ email | lower }}`) to a function that renders it from a transaction's values.

Constants, and texts that contain only environment variables, are compiled here. jinja2 parses everything else
(`template_jinja.py`). It takes 15 ms to import, and many specs do not need it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.template_places import (
    Fill,
    TemplatePlace,
    attribute_fill,
    joined,
    variable_fill,
)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template.

    Attributes:
        source: the text as written.
        attributes: the attributes that it uses.
        env: the environment variables that it uses.
        constant: whether it is constant text.
        varies: whether it depends on a row or on the moment, and not only on environment variables.
        fill: takes a transaction's values and the environment variables; returns the value of a single expression, else
            text; `ABSENT` if an attribute is absent. Raises `FilterError`.
        attribute: the attribute, if the template is only that; else None.
    """

    source: str
    attributes: frozenset[str]
    env: frozenset[str]
    constant: bool
    varies: bool
    fill: Fill = field(repr=False, compare=False)
    attribute: str | None = None


def attribute_template(name: str) -> Template:
    """Return the template of `attribute: name`; the name may contain dashes and spaces."""
    return Template(f"{{{{ {name} }}}}", frozenset({name}), frozenset(), False, True, attribute_fill(name), name)


def constant_template(value: Any) -> Template:
    """Return the template of a constant of any type (`value: 5`)."""
    return Template(text_of(value), frozenset(), frozenset(), True, False, lambda _values, _env: value)


@lru_cache(maxsize=2048)
def compile_template(source: str, place: TemplatePlace = TemplatePlace.VALUE) -> Template:
    """Compile template text for a place.

    Expressions of attributes, variables, constants and filters become plain functions. Everything else is rendered by
    a sandboxed jinja2, which takes 6 us.

    Raises:
        TemplateProblem: an unknown filter, wrong arguments, wrong syntax, a construct without bounds, or a constant
            that cannot be rendered.
    """
    if not _is_template(source):
        return Template(source, frozenset(), frozenset(), True, False, lambda _values, _env: source)
    if (known := _of_variables(source, place)) is not None:
        return known
    from rokt_export.spec_language.template_jinja import compile_expressions

    attributes, env, varies, fill, lone = compile_expressions(source, place)
    return Template(source, attributes, env, False, varies, fill, lone)


def check_numbers(source: str) -> None:
    """Check a compiled template's arithmetic and the types of filters' arguments.

    Raises:
        TemplateProblem: it calculates with text, or a filter's argument is wrong, so that every row would be invalid.
    """
    if _is_template(source) and _of_variables(source, TemplatePlace.VALUE) is None:
        from rokt_export.spec_language.template_jinja import check_values

        check_values(source)


def _is_template(source: str) -> bool:
    return "{{" in source or "{%" in source or "{#" in source


_VARIABLE = re.compile(r"(?<!\{)\{\{ *env\.([A-Za-z_][A-Za-z0-9_]*) *\}\}(?!\})")
_OF_JINJA = re.compile(r"[{}][{}%#]|[%#]\}|\n")  # jinja2 also removes a final line break


def _of_variables(source: str, place: TemplatePlace) -> Template | None:
    """Return the template of a text that contains only environment variables; None for any other text."""
    texts = _VARIABLE.split(source)
    if any(map(_OF_JINJA.search, texts[::2])):
        return None
    parts = [variable_fill(text, place) if index % 2 else text for index, text in enumerate(texts) if text]
    return Template(source, frozenset(), frozenset(texts[1::2]), False, False, joined(parts, place))


@dataclass(frozen=True, slots=True)
class Derivation:
    """A text that a template derives from environment variables, and that differs from their values.

    Attributes:
        env: the variables.
        varies: whether it depends on a row or on the moment.
        fill: as for `Template`.
    """

    env: frozenset[str]
    varies: bool
    fill: Fill = field(repr=False, compare=False)


@lru_cache(maxsize=2048)
def derivations(source: str) -> tuple[Derivation, ...]:
    """Return each expression of a template that derives a text from variables; with a loop, the whole text.

    Raises:
        TemplateProblem: it does not compile.
    """
    compiled = compile_template(source)
    if not compiled.env or _of_variables(source, TemplatePlace.VALUE) is not None:
        return ()
    from rokt_export.spec_language.template_jinja import derived

    found = derived(source)
    if found is None:
        return (Derivation(compiled.env, compiled.varies, compiled.fill),)
    return tuple(Derivation(*each) for each in found)

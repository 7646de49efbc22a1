"""Turn a spec into every template text in it, with its place and the names in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from rokt_export.partner_spec.document import DataPath
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.partner_spec.model import Parameter
from rokt_export.spec_language.template import DYNAMIC, Template, TemplateProblem, attribute_template, compile_template

EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
FILLED = "\ue000"
"""Stands for a filled expression where the rest of a text is looked at; a sign that no URL holds."""


@dataclass(frozen=True, slots=True)
class Use:
    """One template text.

    Attributes:
        path: where it stands.
        source: the text.
        template: what it names.
        sent: whether it goes to the partner as data: a parameter, the body or the URL.
        url: whether it is a URL, in which `{name}` is a place for a path parameter.
        attribute: whether it is the value of the key `attribute`.
    """

    path: DataPath
    source: str
    template: Template
    sent: bool = False
    url: bool = False
    attribute: bool = False


def uses(subject: Subject) -> Iterator[Use]:
    """Yield each template text of a spec, in the order of the language."""
    spec = subject.spec
    for name, place in spec.endpoint.items():
        base: DataPath = ("endpoint", name)
        yield from _text((*base, "url"), place.url, sent=True, url=True)
        yield from _text((*base, "proxy"), place.proxy)
        yield from _text((*base, "tls", "ca_file"), place.tls and place.tls.ca_file)
    for found in subject.credentials():
        for field in type(found.authentication).model_fields:
            yield from _templates((*found.path, field), getattr(found.authentication, field))
    yield from _text(("body",), spec.body, sent=True)
    for placed in subject.parameters():
        yield from _of_parameter(placed.path, placed.parameter)
    yield from _text(("tls", "ca_file"), spec.tls.ca_file)
    yield from _text(("proxy",), spec.proxy)
    yield from _text(("idempotency", "value"), spec.idempotency and spec.idempotency.value)


def _of_parameter(path: DataPath, parameter: Parameter) -> Iterator[Use]:
    if parameter.attribute is not None:
        name = parameter.attribute
        yield Use((*path, "attribute"), name, attribute_template(name), sent=True, attribute=True)
    elif isinstance(parameter.value, tuple):
        for index, item in enumerate(parameter.value):
            yield from _text((*path, "value", index), item, sent=True)
    else:
        yield from _text((*path, "value"), parameter.value, sent=True)


def _templates(path: DataPath, value: Any) -> Iterator[Use]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _templates((*path, key), item)
    elif isinstance(value, str) and EXPRESSION.search(value):
        yield from _text(path, value)


def _text(path: DataPath, text: Any, *, sent: bool = False, url: bool = False) -> Iterator[Use]:
    if not isinstance(text, str):
        return
    try:
        yield Use(path, text, compile_template(text), sent, url)
    except TemplateProblem:
        return  # a text that only looks like a template, as `message` of an hmac signature may


def names_something(use: Use) -> bool:
    """Whether a template text depends on anything: an attribute, a variable, the moment or chance."""
    dynamic = any(re.search(rf"\b{name}\b", part) for part in EXPRESSION.findall(use.source) for name in DYNAMIC)
    return bool(use.template.attributes or use.template.env) or dynamic


def is_literal(text: object) -> bool:
    """Whether a text stands in the spec itself, and is not empty."""
    if not isinstance(text, str) or not text.strip():
        return False
    try:
        template = compile_template(text)
    except TemplateProblem:
        return False
    return not (template.attributes or template.env)


def split_url(source: str) -> SplitResult | None:
    """Return the parts of a URL template, with `FILLED` for each expression; None where it is no URL without them."""
    try:
        parts = urlsplit(EXPRESSION.sub(FILLED, source).strip())
        _ = parts.hostname
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") else None

"""Find parameters that are not sent as the spec says, or cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rokt_export.partner_spec.document import WrittenFloat, WrittenInt
from rokt_export.partner_spec.findings import Finding, Severity
from rokt_export.partner_spec.lint.context import Placed, Subject
from rokt_export.partner_spec.lint.template_uses import is_literal
from rokt_export.spec_language.encodings import ENCODINGS, media_type_of, nests, subtype
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.parameter_names import Key, steps

_BODILESS = ("GET", "DELETE")


def bodies_not_sent(subject: Subject) -> Iterator[Finding]:
    """RX114: a body where the method or the encoding has none; RX129: body parameters that nothing encodes."""
    spec = subject.spec
    first = next((placed for placed in subject.parameters() if placed.parameter.in_ == "body"), None)
    path = first.path if first is not None else ("body",)
    if first is None and spec.body is None:
        return
    methods = sorted({place.method or spec.method for place in spec.endpoint.values()} & set(_BODILESS))
    if spec.encoding == "none":
        yield subject.finding(
            "RX114",
            Severity.ERROR,
            path,
            "`encoding: none` sends no body, so this is never sent",
            "Add `in: query` to the parameter, or choose another encoding.",
        )
    elif methods:
        yield subject.finding(
            "RX114",
            Severity.WARNING,
            path,
            f"a {' or '.join(methods)} request with a body: many servers and proxies drop it",
            "Add `in: query` to the parameter, or ask the partner for POST or PUT.",
        )
    if first is not None and spec.encoding != "none":
        yield from _not_encoded(subject, first)


def _not_encoded(subject: Subject, first: Placed) -> Iterator[Finding]:
    name = first.parameter.name
    if subject.spec.body is not None:
        yield subject.finding(
            "RX129",
            Severity.ERROR,
            first.path,
            f"`body` is the whole body, so the body parameter `{name}` is never sent",
            "Write its value into `body`, or give it another `in`.",
        )
    elif subject.spec.encoding == "text" and subject.intact("body"):
        yield subject.finding(
            "RX129",
            Severity.ERROR,
            first.path,
            f"a plain text body has no parameters, so `{name}` has no place in it",
            "Write the text as `body: |`, with `{{ attribute }}` in it.",
        )


def content_type_against_encoding(subject: Subject) -> Iterator[Finding]:
    """RX116: a content type that belongs to another encoding; types of no known family are the partner's affair."""
    spec = subject.spec
    if spec.content_type is not None:
        yield from _contradiction(subject, ("content_type",), spec.content_type)
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.in_ == "header" and parameter.name.lower() == "content-type" and is_literal(parameter.value):
            yield from _contradiction(subject, (*placed.path, "value"), parameter.value)


def _contradiction(subject: Subject, path: tuple[str | int, ...], written: str) -> Iterator[Finding]:
    encoding = subject.spec.encoding
    written_in = subtype(media_type_of(written))
    multipart = written_in == "form-data"
    owner = next((name for name, facts in ENCODINGS.items() if written_in in facts.subtypes), None)
    if (owner is None and not multipart) or owner == encoding or encoding == "text":
        return
    yield subject.finding(
        "RX116",
        Severity.WARNING,
        path,
        f"the content type `{written}` contradicts `encoding: {encoding}`",
        f"Write `encoding: {owner}`, or take the content type away: the encoding brings its own."
        if not multipart
        else "Multipart bodies are not spoken here: ask the partner whether `encoding: form` will do.",
        of_value=True,
    )


def changed_numbers(subject: Subject) -> Iterator[Finding]:
    """RX118: constants that YAML reads as a number whose text differs from the text in the file."""
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.type is not None:
            continue
        several = isinstance(parameter.value, tuple)
        for index, value in enumerate(parameter.value if several else (parameter.value,)):
            if isinstance(value, (WrittenInt, WrittenFloat)):
                number = int(value) if isinstance(value, int) else float(value)
                yield subject.finding(
                    "RX118",
                    Severity.WARNING,
                    (*placed.path, "value", index) if several else (*placed.path, "value"),
                    f"`{value.written}` is a number here, and is sent as {number}",
                    f'Quote it to send the text: "{value.written}". A `type` keeps its digits too.',
                    of_value=True,
                )


def options_without_effect(subject: Subject) -> Iterator[Finding]:
    """RX126: options that mean nothing where they stand."""
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.cdata and (placed.carrier != "xml" or _is_xml_attribute(parameter.name)):
            yield subject.finding(
                "RX126",
                Severity.WARNING,
                (*placed.path, "cdata"),
                f"`cdata` has no effect on `{parameter.name}`: only the text of an XML element can be CDATA",
                "Take it away.",
            )
        if "date_format" in parameter.model_fields_set and parameter.type != "date":
            yield subject.finding(
                "RX126",
                Severity.WARNING,
                (*placed.path, "date_format"),
                f"`date_format` has no effect on `{parameter.name}` without `type: date`",
                "Add `type: date`, or use the filter: \"{{ dob | date('%d/%m/%Y') }}\".",
            )


def _is_xml_attribute(name: str) -> bool:
    try:
        last = steps(name)[-1]
    except ValueError:
        return False  # an error of the language, already told
    return isinstance(last, Key) and last.name.startswith("@")


_GAPS = ("absent", "empty", "null")


def contradictory_options(subject: Subject) -> Iterator[Finding]:
    """RX127: options of one parameter that cannot all hold."""
    for placed in subject.parameters():
        yield from _gaps(subject, placed)
        yield from _constants(subject, placed)
        least, most = placed.parameter.min_length, placed.parameter.max_length
        if least is not None and most is not None and least > most:
            yield subject.finding(
                "RX127",
                Severity.ERROR,
                (*placed.path, "min_length"),
                f"no text has at least {least} and at most {most} characters",
                "Swap `min_length` and `max_length`.",
            )


def _gaps(subject: Subject, placed: Placed) -> Iterator[Finding]:
    parameter = placed.parameter
    for gap in _GAPS:
        policy = getattr(parameter, gap)
        path = (*placed.path, gap)
        if policy == "send_null" and not nests(placed.carrier):
            yield subject.finding(
                "RX127",
                Severity.WARNING,
                path,
                f"`{gap}: send_null`, but {_title(placed.carrier)} has no null",
                "Write `send_empty` or `omit`.",
                of_value=True,
            )
        elif policy in ("send_null", "send_empty") and parameter.required is True and gap == "absent":
            yield subject.finding(
                "RX127",
                Severity.WARNING,
                path,
                f"`{parameter.name}` is required, yet is sent as nothing where it is absent",
                "Write `refuse`, or take `required: true` away.",
                of_value=True,
            )
        elif policy in ("send_empty", "omit") and placed.carrier == "path":
            yield subject.finding(
                "RX127",
                Severity.WARNING,
                path,
                f"a part of the path cannot be left out: a row without `{parameter.name}` is refused",
                "Write `refuse`, or move the parameter elsewhere.",
                of_value=True,
            )


def _title(carrier: str) -> str:
    return ENCODINGS[carrier].title if carrier in ENCODINGS else f"a {carrier}"


def _constants(subject: Subject, placed: Placed) -> Iterator[Finding]:
    parameter = placed.parameter
    choices: tuple[str, ...] | None = parameter.choices
    value: Any = parameter.value
    if choices is None or not parameter.constant or isinstance(value, tuple) or value is None:
        return
    if text_of(value) not in choices:
        yield subject.finding(
            "RX127",
            Severity.ERROR,
            (*placed.path, "value"),
            f"the constant `{text_of(value)}` is none of its own choices",
            f"Choose one of {listed(choices)}.",
            of_value=True,
        )

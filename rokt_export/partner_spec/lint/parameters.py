"""Finds parameters that are not sent as written, and names that repeat or contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rokt_export.partner_spec.document import DataPath, Finding, WrittenFloat, WrittenInt
from rokt_export.partner_spec.lint.context import PlacedParameter, Subject, is_literal
from rokt_export.partner_spec.record_arrays import record_arrays
from rokt_export.partner_spec.references import attributes_of, never_omitted
from rokt_export.spec_language.encodings import ENCODINGS, charset_of, codec_of, media_type_of, nests, subtype
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.parameter_names import Append, Key, NameStep, steps
from rokt_export.spec_language.template_places import EXPRESSION
from rokt_export.spec_language.urls import PLACEHOLDER

_BODILESS = ("GET", "DELETE")


def bodies_not_sent(subject: Subject) -> Iterator[Finding]:
    """RX114: a body although the method or encoding has none. RX129: a body that nothing encodes."""
    spec = subject.spec
    first = next((placed for placed in subject.parameters() if placed.parameter.in_ == "body"), None)
    path = first.path if first is not None else ("body",)
    if first is None and spec.body is None:
        return
    methods = sorted({place.method or spec.method for place in spec.endpoint.values()} & set(_BODILESS))
    if spec.encoding == "none":
        yield subject.error(
            "RX114",
            path,
            "`encoding: none` sends no body, so this is never sent",
            "Add `in: query` to the parameter, or choose another encoding.",
        )
    elif methods:
        yield subject.warning(
            "RX114",
            path,
            f"a {' or '.join(methods)} request with a body: many servers and proxies drop it",
            "Add `in: query` to the parameter, or ask the partner for POST or PUT.",
        )
    if spec.body is not None and ENCODINGS[spec.encoding].place is None:
        yield subject.error(
            "RX129",
            ("body",),
            f"`encoding: {spec.encoding}` takes no `body` template: nothing would escape its values",
            "Write body parameters instead, or `encoding: text`.",
        )
    if first is not None and spec.encoding != "none":
        yield from _not_encoded(subject, first)


def _not_encoded(subject: Subject, first: PlacedParameter) -> Iterator[Finding]:
    name = first.parameter.name
    if subject.spec.body is not None:
        yield subject.error(
            "RX129",
            first.path,
            f"`body` is the whole body, so the body parameter `{name}` is never sent",
            "Write its value into `body`, or give it another `in`.",
        )
    elif subject.spec.encoding == "text" and subject.intact("body"):
        yield subject.error(
            "RX129",
            first.path,
            f"a plain text body has no parameters, so `{name}` has no place in it",
            "Write the text as `body: |`, with `{{ attribute }}` in it.",
        )


def content_type_against_encoding(subject: Subject) -> Iterator[Finding]:
    """RX116: a content type of another encoding; unknown types are accepted."""
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
    yield subject.warning(
        "RX116",
        path,
        f"the content type `{written}` contradicts `encoding: {encoding}`",
        f"Write `encoding: {owner}`, or remove the content type: the encoding sets its own."
        if not multipart
        else "Multipart bodies are not supported: ask the partner whether `encoding: form` works.",
    )


_DECLARED = re.compile(r"<\?xml[^>]*encoding\s*=\s*[\"']([\w.:-]+)")


def charsets(subject: Subject) -> Iterator[Finding]:
    """RX177: a charset that is stated but not used, or is unknown."""
    spec = subject.spec
    charset = charset_of(spec.stated_content_type)
    path = ("content_type",) if charset_of(spec.content_type) == charset else ("parameters",)
    codec = codec_of(charset or "utf-8")
    if codec is None:
        yield subject.error("RX177", path, f"there is no charset `{charset}`", "Write `charset=utf-8`.")
        return
    if codec not in ("utf-8", "ascii") and spec.encoding == "form":
        yield subject.warning(
            "RX177",
            path,
            f"a form is percent-encoded in UTF-8, and the content type states `{charset}`",
            "Remove the charset; ask the partner whether it reads UTF-8.",
        )
    elif codec not in ("utf-8", "ascii") and spec.encoding == "json":
        yield subject.warning(
            "RX177",
            path,
            f"the body is sent in `{charset}`, and JSON is UTF-8 (RFC 8259, 8.1)",
            "Remove the charset, unless the partner requires it.",
        )
    declared = _DECLARED.search(spec.body or "")
    if declared is not None and codec_of(declared[1]) != codec:
        yield subject.warning(
            "RX177",
            ("body",),
            f"the XML declaration states `{declared[1]}`, and the body is sent in `{charset or 'utf-8'}`",
            f"Write `content_type: application/xml; charset={declared[1]}`, or declare UTF-8.",
        )


def changed_numbers(subject: Subject) -> Iterator[Finding]:
    """RX118: constants that YAML reads as a number with another text than in the file."""
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.type is not None:
            continue
        several = isinstance(parameter.value, tuple)
        for index, value in enumerate(parameter.value if several else (parameter.value,)):
            if isinstance(value, (WrittenInt, WrittenFloat)):
                number = int(value) if isinstance(value, int) else float(value)
                yield subject.warning(
                    "RX118",
                    (*placed.path, "value", index) if several else (*placed.path, "value"),
                    f"`{value.written}` is a number here, and is sent as {number}",
                    f'Quote it to send the text: "{value.written}". A `type` keeps its digits too.',
                )


def options_without_effect(subject: Subject) -> Iterator[Finding]:
    """RX126: options without effect."""
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.cdata and (placed.carrier != "xml" or _is_xml_attribute(parameter.name)):
            yield subject.warning(
                "RX126",
                (*placed.path, "cdata"),
                f"`cdata` has no effect on `{parameter.name}`: only the text of an XML element can be CDATA",
                "Take it away.",
            )
        if "date_format" in parameter.model_fields_set and parameter.type != "date":
            yield subject.warning(
                "RX126",
                (*placed.path, "date_format"),
                f"`date_format` has no effect on `{parameter.name}` without `type: date`",
                "Add `type: date`, or use the filter: \"{{ dob | date('%d/%m/%Y') }}\".",
            )


def _is_xml_attribute(name: str) -> bool:
    try:
        last = steps(name)[-1]
    except ValueError:
        return False  # an error of the language, already reported
    return isinstance(last, Key) and last.name.startswith("@")


_GAPS = ("absent", "empty", "null")


def contradictory_options(subject: Subject) -> Iterator[Finding]:
    """RX127: options of a parameter that contradict each other."""
    kept = never_omitted(subject.spec)
    for placed in subject.parameters():
        yield from _gaps(subject, placed)
        yield from _constants(subject, placed)
        needed = placed.parameter.required is True or not kept.isdisjoint(attributes_of(placed.parameter))
        if placed.parameter.invalid == "omit" and needed:
            yield subject.warning(
                "RX127",
                (*placed.path, "invalid"),
                f"`{placed.parameter.name}` is required, so a malformed value is refused and not omitted",
                "Remove `required: true` or `invalid: omit`.",
            )
        least, most = placed.parameter.min_length, placed.parameter.max_length
        if least is not None and most is not None and least > most:
            yield subject.error(
                "RX127",
                (*placed.path, "min_length"),
                f"no text has at least {least} and at most {most} characters",
                "Swap `min_length` and `max_length`.",
            )


def _gaps(subject: Subject, placed: PlacedParameter) -> Iterator[Finding]:
    parameter = placed.parameter
    for gap in _GAPS:
        policy = getattr(parameter, gap)
        path = (*placed.path, gap)
        if policy == "send_null" and not nests(placed.carrier):
            yield subject.warning(
                "RX127",
                path,
                f"`{gap}: send_null`, but {_title(placed.carrier)} has no null",
                "Write `send_empty` or `omit`.",
            )
        elif policy in ("send_null", "send_empty") and parameter.required is True and gap == "absent":
            yield subject.warning(
                "RX127",
                path,
                f"`{parameter.name}` is required, but is omitted or sent empty if it is absent",
                "Write `refuse`, or remove `required: true`.",
            )
        elif policy in ("send_empty", "omit") and placed.carrier == "path":
            yield subject.warning(
                "RX127",
                path,
                f"a part of the path cannot be left out: a row without `{parameter.name}` is refused",
                "Write `refuse`, or move the parameter elsewhere.",
            )


def _title(carrier: str) -> str:
    return ENCODINGS[carrier].title if carrier in ENCODINGS else f"a {carrier}"


def _constants(subject: Subject, placed: PlacedParameter) -> Iterator[Finding]:
    parameter = placed.parameter
    choices: tuple[str, ...] | None = parameter.choices
    value: Any = parameter.value
    if choices is None or not parameter.constant or isinstance(value, tuple) or value is None:
        return
    if text_of(value) not in choices:
        yield subject.error(
            "RX127",
            (*placed.path, "value"),
            f"the constant `{text_of(value)}` is not one of its own choices",
            f"Choose one of {listed(choices)}.",
        )


def repeated_names(subject: Subject) -> Iterator[Finding]:
    """RX119: one name twice in the same place; queries, forms and other encodings may repeat a name."""
    seen: dict[tuple[DataPath, str, str], PlacedParameter] = {}
    for placed in subject.parameters():
        name, carrier = placed.parameter.name, placed.carrier
        repeats = ENCODINGS[carrier].repeats if carrier in ENCODINGS else carrier == "query"
        if repeats or "[]" in name:
            continue
        first = seen.setdefault((placed.group, carrier, name.lower() if carrier == "header" else name), placed)
        if first is not placed:
            yield subject.warning(
                "RX119",
                (*placed.path, "name"),
                f"`{name}` is duplicated: {_LISTED if nests(carrier) else _REPEATED.get(carrier, _BOTH)}",
                f"Remove one, rename it, or write `{name}[]` for a list."
                if nests(carrier)
                else "Remove or rename one.",
            )


_LISTED = "it is sent as a list of both values"
_BOTH = "both are sent, and servers differ in which one they read"
_REPEATED = {"path": "only one of them can fill its place in the URL"}


def unmatched_placeholders(subject: Subject) -> Iterator[Finding]:
    """RX119: `{name}` in a URL without a path parameter, and the reverse."""
    parameters = {placed.parameter.name: placed for placed in subject.parameters() if placed.carrier == "path"}
    named: set[str] = set()
    for environment, place in subject.spec.endpoint.items():
        for name in PLACEHOLDER.findall(EXPRESSION.sub("", place.url)):
            named.add(name)
            if name not in parameters and subject.intact("parameters"):
                yield subject.error(
                    "RX119",
                    ("endpoint", environment, "url"),
                    f"no parameter fills `{{{name}}}` in this URL",
                    f"Add a parameter `{name}` with `in: path`, or write `{{{{ {name} }}}}` for the attribute.",
                )
    for name, placed in parameters.items():
        if name not in named and subject.intact("endpoint"):
            yield subject.error(
                "RX119",
                (*placed.path, "name"),
                f"no URL has a place `{{{name}}}` for this path parameter",
                f"Write `{{{name}}}` where it belongs in the URL.",
            )


def contradictory_names(subject: Subject) -> Iterator[Finding]:
    """RX120: a name that is a value in one parameter, and an object or array in another."""
    groups: dict[DataPath, dict[tuple[object, ...], tuple[str, str]]] = {}
    for placed, path in _nested(subject):
        kinds = groups.setdefault(placed.group, {})
        for place, kind in _nodes(path, placed):
            first_kind, first_name = kinds.setdefault(place, (kind, placed.parameter.name))
            if first_kind != kind:
                yield subject.error(
                    "RX120",
                    (*placed.path, "name"),
                    f"`{placed.parameter.name}` makes {_KINDS[kind]} of what `{first_name}` makes {_KINDS[first_kind]}",
                    "Rename one; the text of an XML element with attributes or children is `name.#text`.",
                )
                break


_KINDS = {"value": "a value", "object": "an object", "array": "an array"}


def _nested(subject: Subject) -> Iterator[tuple[PlacedParameter, tuple[NameStep, ...]]]:
    for placed in subject.parameters():
        if nests(placed.carrier):
            try:
                yield placed, steps(placed.parameter.name)
            except ValueError:
                continue  # an error of the language, already reported


def _nodes(path: tuple[NameStep, ...], placed: PlacedParameter) -> Iterator[tuple[tuple[object, ...], str]]:
    """Yield (place, kind) for each node on a name's path; each `[]` is a new place."""
    place: tuple[object, ...] = ()
    yield place, "object" if isinstance(path[0], Key) else "array"
    for index, step in enumerate(path):
        place = (*place, placed.path if isinstance(step, Append) else step)
        following = path[index + 1] if index + 1 < len(path) else None
        yield place, "value" if following is None else "object" if isinstance(following, Key) else "array"


def separate_elements(subject: Subject) -> Iterator[Finding]:
    """RX173: `contacts[].email` and `contacts[].name` make two elements with one member each."""
    seen: dict[tuple[DataPath, str], PlacedParameter] = {}
    told: set[tuple[DataPath, str]] = set()
    for placed, _ in _nested(subject):
        before, append, after = placed.parameter.name.partition("[].")
        key = (placed.group, before)
        if placed.group == ("parameters",) and before in record_arrays(subject.spec):
            continue  # one element for each row
        if append and seen.setdefault(key, placed) is not placed and key not in told:
            told.add(key)
            first, where = seen[key].parameter.name, f"`{before}`" if before else "the body"
            yield subject.warning(
                "RX173",
                (*placed.path, "name"),
                f"`{first}` and `{before}[].{after}` are two elements of {where}, because each `[]` is a new one",
                f"Did you mean `{before}[0].{after}`, so that one element has both?",
            )


def xml_roots(subject: Subject) -> Iterator[Finding]:
    """RX120: an XML body without exactly one root element."""
    spec = subject.spec
    roots: dict[DataPath, str] = {}
    for placed, path in _nested(subject):
        if placed.carrier != "xml":
            continue
        own = path[0].name if isinstance(path[0], Key) else placed.parameter.name
        root = roots.setdefault(placed.group, own)
        if own != root or own.startswith(("@", "#", "[")):
            yield subject.error(
                "RX120",
                (*placed.path, "name"),
                f"an XML body has one root element, here {listed(dict.fromkeys((root, own)))}",
                "Start each name with the root: `lead.email`, `lead.@id`.",
            )
    if spec.encoding == "xml" and spec.body is None and not roots and subject.intact("parameters", "body", "encoding"):
        yield subject.warning(
            "RX120",
            ("encoding",),
            "an XML body without a parameter in it: nothing is sent",
            "Add body parameters that start with the root (`lead.email`), or write `encoding: none`.",
        )

"""Find names of parameters that stand twice, contradict each other, or do not meet the URL or the XML root."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rokt_export.partner_spec.document import DataPath
from rokt_export.partner_spec.findings import Finding, Severity
from rokt_export.partner_spec.lint.context import Placed, Subject
from rokt_export.partner_spec.lint.template_uses import EXPRESSION
from rokt_export.spec_language.fields import listed
from rokt_export.spec_language.parameter_names import Append, Key, Step, steps

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.-]*)\}")


def repeated_names(subject: Subject) -> Iterator[Finding]:
    """RX119: one name twice where the partner sees one; forms and queries may repeat a name."""
    seen: dict[tuple[DataPath, str, str], Placed] = {}
    for placed in subject.parameters():
        name, carrier = placed.parameter.name, placed.carrier
        if carrier in ("form", "query", "text", "none") or "[]" in name:
            continue
        first = seen.setdefault((placed.group, carrier, name.lower() if carrier == "header" else name), placed)
        if first is not placed:
            yield subject.finding(
                "RX119",
                Severity.WARNING,
                (*placed.path, "name"),
                f"`{name}` stands twice: {_REPEATED.get(carrier, 'it is sent as a list of both values')}",
                f"Remove one, rename it, or write `{name}[]` for a list."
                if carrier in ("json", "xml")
                else "Remove or rename one.",
                of_value=True,
            )


_REPEATED = {
    "header": "both are sent, and servers differ in which one they read",
    "path": "only one of them can fill its place in the URL",
}


def unmatched_placeholders(subject: Subject) -> Iterator[Finding]:
    """RX119: `{name}` in a URL without its path parameter, and the reverse."""
    parameters = {placed.parameter.name: placed for placed in subject.parameters() if placed.carrier == "path"}
    named: set[str] = set()
    for environment, place in subject.spec.endpoint.items():
        for name in _PLACEHOLDER.findall(EXPRESSION.sub("", place.url)):
            named.add(name)
            if name not in parameters and subject.intact("parameters"):
                yield subject.finding(
                    "RX119",
                    Severity.ERROR,
                    ("endpoint", environment, "url"),
                    f"no parameter fills `{{{name}}}` in this URL",
                    f"Add a parameter `{name}` with `in: path`, or write `{{{{ {name} }}}}` for the attribute.",
                    of_value=True,
                )
    for name, placed in parameters.items():
        if name not in named and subject.intact("endpoint"):
            yield subject.finding(
                "RX119",
                Severity.ERROR,
                (*placed.path, "name"),
                f"no URL has a place `{{{name}}}` for this path parameter",
                f"Write `{{{name}}}` where it belongs in the URL.",
                of_value=True,
            )


def contradictory_names(subject: Subject) -> Iterator[Finding]:
    """RX120: a name that is a value here and an object or an array there."""
    groups: dict[DataPath, dict[tuple[object, ...], tuple[str, str]]] = {}
    for placed, path in _nested(subject):
        kinds = groups.setdefault(placed.group, {})
        for place, kind in _nodes(path, placed):
            first_kind, first_name = kinds.setdefault(place, (kind, placed.parameter.name))
            if first_kind != kind:
                yield subject.finding(
                    "RX120",
                    Severity.ERROR,
                    (*placed.path, "name"),
                    f"`{placed.parameter.name}` makes {_KINDS[kind]} of what `{first_name}` makes {_KINDS[first_kind]}",
                    "Rename one; the text of an XML element with attributes or children is `name.#text`.",
                    of_value=True,
                )
                break


_KINDS = {"value": "a value", "object": "an object", "array": "an array"}


def _nested(subject: Subject) -> Iterator[tuple[Placed, tuple[Step, ...]]]:
    for placed in subject.parameters():
        if placed.carrier in ("json", "xml"):
            try:
                yield placed, steps(placed.parameter.name)
            except ValueError:
                continue  # an error of the language, already told


def _nodes(path: tuple[Step, ...], placed: Placed) -> Iterator[tuple[tuple[object, ...], str]]:
    """Each node on a name's way, by its place, with what the name makes of it; `[]` is a new place each time."""
    place: tuple[object, ...] = ()
    for index, step in enumerate(path):
        place = (*place, placed.path if isinstance(step, Append) else step)
        following = path[index + 1] if index + 1 < len(path) else None
        yield place, "value" if following is None else "object" if isinstance(following, Key) else "array"


def xml_roots(subject: Subject) -> Iterator[Finding]:
    """RX120: an XML document has one root element."""
    spec = subject.spec
    roots: dict[DataPath, str] = {}
    for placed, path in _nested(subject):
        if placed.carrier != "xml" or not isinstance(path[0], Key):
            continue
        own = path[0].name
        root = roots.setdefault(placed.group, own)
        if own != root or own.startswith(("@", "#")):
            yield subject.finding(
                "RX120",
                Severity.ERROR,
                (*placed.path, "name"),
                f"an XML body has one root element, here {listed(dict.fromkeys((root, own)))}",
                "Start each name with the root: `lead.email`, `lead.@id`.",
                of_value=True,
            )
    if spec.encoding == "xml" and spec.body is None and not roots and subject.intact("parameters", "body", "encoding"):
        yield subject.finding(
            "RX120",
            Severity.WARNING,
            ("encoding",),
            "an XML body without a parameter in it: nothing is sent",
            "Add body parameters that start with the root (`lead.email`), or write `encoding: none`.",
            of_value=True,
        )

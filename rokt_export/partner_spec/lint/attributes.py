"""Finds unknown attributes, required attributes that are not sent, and templates without attributes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches

from rokt_export.partner_spec.attributes import ATTRIBUTES, IDENTIFYING, canonical, fold, nearest
from rokt_export.partner_spec.document import DataPath, Finding
from rokt_export.partner_spec.lint.context import Subject, TemplateUse, names_something, uses
from rokt_export.partner_spec.model import RequiredWhen
from rokt_export.redaction.spec_lines import masked_line
from rokt_export.spec_language.formats import matches
from rokt_export.spec_language.template_places import EXPRESSION

_IDENTIFYING_CUSTOM = re.compile("e?mail|phone|mobile")


def unknown_attributes(subject: Subject) -> Iterator[Finding]:
    """RX101: attributes that neither Rokt's catalogue nor the spec knows."""
    declared = {*subject.spec.attributes, *subject.spec.columns.values()}
    read = {name for _, name in _named(subject)}
    of_columns = [
        (("columns", column), name)
        for column, name in subject.spec.columns.items()
        if name not in read and name not in subject.spec.attributes
    ]
    for path, name in (*_named(subject), *of_columns):
        if name in ATTRIBUTES or (name in declared and path[0] != "columns"):
            continue
        near = _near(name, declared - {name})
        if "authentication" in path[:3]:
            yield subject.warning(
                "RX101",
                path,
                f"`{name}` is not an attribute that Rokt or this spec knows: no row has this credential",
                f"Write `{{{{ env.{masked_line(name)} }}}}` for a variable.",
            )
        elif near is not None:
            yield subject.warning(
                "RX101",
                path,
                f"`{name}` is not an attribute that Rokt or this spec knows",
                f"Did you mean `{near}`? If it is your own, declare it: `attributes: {{{name}: what it means}}`.",
            )
        elif subject.intact("attributes", "columns"):
            in_url = path[0] == "endpoint"  # perhaps another tool's placeholder
            yield (subject.warning if in_url else subject.info)(
                "RX101",
                path,
                f"`{name}` is a custom attribute that the spec does not declare",
                f"Declare it, so that its meaning is known: `attributes: {{{name}: what it means}}`.",
            )


def _named(subject: Subject) -> Iterator[tuple[DataPath, str]]:
    for use in uses(subject):
        if use.attribute and "{" in use.source:
            continue
        for name in sorted(use.template.attributes):
            yield use.path, name
    for placed in subject.parameters():
        if isinstance(required := placed.parameter.required, RequiredWhen):
            path = (*placed.path, "required")
            yield from (((*path, "when", name), name) for name in required.when or ())
            yield from (((*path, "any_of", index), name) for index, name in enumerate(required.any_of or ()))


def _near(name: str, declared: set[str]) -> str | None:
    own = {fold(each): each for each in declared}
    close = get_close_matches(fold(name), own, n=1, cutoff=0.75)
    return own[close[0]] if close else nearest(name)


def uncarried_attributes(subject: Subject) -> Iterator[Finding]:
    """RX102: attributes that the partner requires but no parameter sends."""
    if not subject.intact("parameters", "endpoint", "body"):
        return
    carried = {name for use in uses(subject) if use.sent for name in use.template.attributes}
    for name, attribute in subject.spec.attributes.items():
        if attribute.required and name not in carried:
            yield subject.error(
                "RX102",
                ("attributes", name),
                f"the partner needs `{name}`, but no parameter sends it",
                f"Add a parameter with `attribute: {name}`, or remove `required: true` here.",
            )
    names = [canonical(name) or fold(name) for name in carried]
    custom = [name for name in names if name not in ATTRIBUTES]
    if not set(names).intersection(IDENTIFYING) and not any(map(_IDENTIFYING_CUSTOM.search, custom)):
        yield subject.warning(
            "RX102",
            ("parameters",),
            "no parameter identifies the person",
            "Send one of `email`, `emailmd5`, `emailsha256` or `mobile`.",
        )


def empty_templates(subject: Subject) -> Iterator[Finding]:
    """RX117: templates without attributes or variables, and a template where a name belongs."""
    for use in uses(subject):
        if use.attribute:
            if "{" in use.source:
                yield _misplaced_template(subject, use)
        elif EXPRESSION.search(use.source) and not names_something(use):
            yield subject.warning(
                "RX117",
                use.path,
                "this template names no attribute and no variable: every row gets the same text",
                "Write the text without `{{ }}`, or name an attribute without quotes: `{{ email }}`.",
            )


def _misplaced_template(subject: Subject, use: TemplateUse) -> Finding:
    name = use.source.strip("{} ")
    return subject.warning(
        "RX117",
        use.path,
        f"`attribute` takes a name, not a template: no row has an attribute called `{use.source}`",
        f"Write `attribute: {name}`, or `value: {use.source!r}`.",
    )


def contact_address(subject: Subject) -> Iterator[Finding]:
    """RX184: a contact's e-mail address that is not valid."""
    contact = subject.spec.contact
    if contact is not None and contact.email is not None and not matches("email", contact.email.strip()):
        yield subject.warning(
            "RX184",
            ("contact", "email"),
            f"`{contact.email}` is not an e-mail address",
            "Write it as name@example.com; questions to the partner go there.",
        )

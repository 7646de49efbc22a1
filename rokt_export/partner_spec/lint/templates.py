"""Finds templates that probably do not do what the author intended: a text used as true, a wrong time zone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, fold
from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint.context import Subject, uses

_YES_NO = re.compile(r"^(is|has|opt|accept|agree|consent|subscri|allow|confirm)")
_OFFSET = r"[+-](?:0\d|1[0-4]):?[0-5]\d"
_LITERAL_ZONE = re.compile(rf"(?<!%)(?:Z| ?GMT| ?UTC|{_OFFSET})$")
_NOT_UTC = re.compile(rf"(?!.00:?00){_OFFSET}$")
_TIME = re.compile(r"%[-_^0#]?[HIklMSTrRXsc]")


def text_truths(subject: Subject) -> Iterator[Finding]:
    """RX175: `{{ not optin }}`, where `optin` is a text: every non-empty text is true, also `false`."""
    for use in uses(subject):
        if use.attribute or not re.search(r"\{[{%].*\b(not|if|and|or)\b", use.source, re.DOTALL):
            continue
        from rokt_export.spec_language.template_jinja import truth_names  # jinja2 is slow to import

        for name in sorted(filter(_is_yes_no, truth_names(use.source))):
            yield subject.warning(
                "RX175",
                use.path,
                f"`{name}` is a text, and every text but an empty one is true: `false` and `no` too",
                f"Write `({name} | boolean)`, or compare it: `{name} == 'true'`.",
            )


def _is_yes_no(name: str) -> bool:
    known = canonical(name)
    return ATTRIBUTES[known].format == "true or false" if known else _YES_NO.search(fold(name)) is not None


_NUMERIC = re.compile(r"amount|price|quantity|total(?!y)|balance")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?|'-?(?:0|[1-9]\d*)(?:\.\d+)?'")


def text_comparisons(subject: Subject) -> Iterator[Finding]:
    """RX194: `{{ amount == 5 }}`, `{{ amount + margin }}`, `{{ amount >= '5' }}`: attributes are text."""
    for use in uses(subject):
        if use.attribute or not re.search(r"\{[{%][^}]*(?:[=<>+]|\bis\b)", use.source):
            continue
        from rokt_export.spec_language.template_jinja import text_comparisons as compared

        for name, sign, other in compared(use.source):
            if (doubt := _doubt(name, sign, other)) is not None:
                yield subject.warning("RX194", use.path, *doubt)


def _doubt(name: str, sign: str, other: str) -> tuple[str, str] | None:
    """Return what is wrong with a comparison or sum of an attribute, and the remedy; None if it may be right."""
    quoted = other.startswith("'")
    if other in ("true", "false"):
        never = f"`{name}` is text, and never equals `{other}`"
        return None if sign not in ("==", "!=", "is") else (never, f"Write `({name} | boolean)`, or `== '{other}'`.")
    if sign in ("==", "!="):
        wrong = not quoted and _NUMBER.fullmatch(other)
        remedy = f"Write `({name} | number) {sign} {other}`, or `{sign} '{other}'` for the same digits."
        return (f"`{name}` is text, and never equals the number {other}", remedy) if wrong else None
    if sign == "is" or not _is_numeric(name) or (quoted and (sign == "+" or not _NUMBER.fullmatch(other))):
        return None
    number = other.strip("'") if quoted else f"({other} | number)"
    remedy = f"Write `({name} | number) {sign} {number}`"
    if sign == "+":
        return f"`+` joins the digits of `{name}` and `{other}`, which are text", f"{remedy}, or `~` to join them."
    return f"`{sign}` compares `{name}` letter by letter: 10 comes before 9", f"{remedy}."


def _is_numeric(expression: str) -> bool:
    name = expression.partition(" ")[0]
    known = canonical(name)
    return ATTRIBUTES[known].format in ("decimal", "integer") if known else _NUMERIC.search(fold(name)) is not None


def literal_zones(subject: Subject) -> Iterator[Finding]:
    """RX174: a date form with a literal `Z` or offset, for a value of any time zone."""
    for use in uses(subject):
        if use.attribute or "date" not in use.source or "{" not in use.source:
            continue
        from rokt_export.spec_language.template_jinja import dates

        for form, utc in dates(use.source):
            found = (_NOT_UTC if utc else _LITERAL_ZONE).search(form)
            if found is None or not _TIME.search(form):
                continue
            yield subject.warning(
                "RX174",
                use.path,
                f"`{found[0]}` at the end of `{form}` is written, and the time before it is in UTC"
                if utc
                else f"`{found[0]}` at the end of `{form}` is written whatever the value's own zone is",
                "Write `Z`; or name the zone by `tz='…'` without `utc`, and write `%z`."
                if utc
                else f"Write `date('{form}', utc=true)`, with `tz='…'` where values have no zone; `%z` is their own.",
            )
    for placed in subject.parameters():
        parameter = placed.parameter
        if parameter.type == "date" and (found := _LITERAL_ZONE.search(parameter.date_format)):
            yield subject.warning(
                "RX174",
                (*placed.path, "date_format"),
                f"`{found[0]}` at the end of the form is written whatever the value's own zone is",
                "Use the filter instead: \"{{ attribute | date('…Z', utc=true) }}\".",
            )

"""Find records that cannot be read back or removed: a capture that no rule makes, a parameter that is not sent."""

from __future__ import annotations

from collections.abc import Iterator

from rokt_export.errors import did_you_mean
from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.partner_spec.references import every_parameter
from rokt_export.spec_language.urls import PLACEHOLDER


def uncaptured(subject: Subject) -> Iterator[Finding]:
    """RX196: a URL of `read_back` or `cleanup` that names a capture which no rule for delivered rows makes."""
    spec = subject.spec
    rules = [rule for rule in spec.responses if rule.outcome == "delivered"]
    for key, record in (("read_back", spec.read_back), ("cleanup", spec.cleanup)):
        if record is None or not subject.intact(key, "responses"):
            continue
        for name in sorted(set(PLACEHOLDER.findall(record.url))):
            if not any(getattr(rule.capture, name) for rule in rules):
                yield subject.error(
                    "RX196",
                    (key, "url"),
                    f"it names `{{{name}}}`, which no rule for delivered rows captures",
                    f"Write `capture: {{{name}: $.id}}` to that rule, or name the record by an attribute.",
                )


def unsent(subject: Subject) -> Iterator[Finding]:
    """RX197: a value of `read_back` that no parameter sends."""
    record = subject.spec.read_back
    if record is None or not subject.intact("read_back", "parameters"):
        return
    names = [parameter.name for parameter in every_parameter(subject.spec.parameters)]
    for name in record.values:
        if name not in names:
            yield subject.error(
                "RX197",
                ("read_back", "values", name),
                f"there is no parameter `{name}`",
                did_you_mean(name, names) or "Name parameters as the spec sends them.",
            )

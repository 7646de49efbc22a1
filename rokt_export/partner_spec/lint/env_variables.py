"""Find environment variables that a spec names: those that nobody has set, and those that belong to others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rokt_export.partner_spec.findings import Finding, Severity
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.partner_spec.lint.template_uses import uses
from rokt_export.partner_spec.variable_uses import THIS_MACHINE, belongs_to_others, variable_uses
from rokt_export.redaction.trusted_text import OwnWords


def missing_variables(subject: Subject, variables: Mapping[str, str]) -> Iterator[Finding]:
    """RX107: variables without a value, each where it is first named; an empty value counts as none."""
    seen: set[str] = set()
    for use in uses(subject):
        for name in sorted(use.template.env - seen):
            seen.add(name)
            if not variables.get(name):
                yield subject.finding(
                    "RX107",
                    Severity.WARNING,
                    use.path,
                    f"the environment variable `{name}` is {'empty' if name in variables else 'not set'}",
                    OwnWords(f"Export it, or write `{name}=…` to `.env` or `.env.<environment>`."),
                    of_value=True,
                )


def variables_of_others(subject: Subject) -> Iterator[Finding]:
    """RX152: a variable that a system or tool has for itself, and that the spec sends to its partner."""
    spec = subject.spec
    sent = {use.name for name in spec.endpoint for use in variable_uses(spec, name, {}) if use.host != THIS_MACHINE}
    seen: set[str] = set(spec.variables)
    for use in uses(subject):
        for name in sorted((use.template.env & sent) - seen):
            seen.add(name)
            if belongs_to_others(name):
                yield subject.finding(
                    "RX152",
                    Severity.WARNING,
                    use.path,
                    f"`{name}` is the name of another program's variable, and this spec sends its value to the partner",
                    f"Give the partner's credential a name of its own, or list it: `variables: [{name}]`.",
                    of_value=True,
                )

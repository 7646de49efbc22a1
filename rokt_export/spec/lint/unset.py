"""Find environment variables that a spec names and nobody has set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rokt_export.spec.findings import Finding, Severity
from rokt_export.spec.lint.subject import Subject
from rokt_export.spec.lint.texts import uses


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
                    f"Export it, or write `{name}=…` to `.env` or `.env.<environment>`.",
                    of_value=True,
                )

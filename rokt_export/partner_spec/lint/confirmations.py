"""Find rows that are accepted and never confirmed, and confirmations that cannot ask."""

from __future__ import annotations

from collections.abc import Iterator

from rokt_export.partner_spec.document import Finding
from rokt_export.partner_spec.lint.context import Subject
from rokt_export.spec_language.fields import listed


def unasked(subject: Subject) -> Iterator[Finding]:
    """RX190: provisional rules of a spec that does not say how to ask later."""
    spec = subject.spec
    if spec.confirmation is not None or not subject.intact("confirmation", "responses"):
        return
    for index, rule in enumerate(spec.responses):
        if rule.provisional:
            yield subject.info(
                "RX190",
                ("responses", index, "provisional"),
                f"nothing says how to ask what became of rows that rule `{spec.rule_names[index]}` accepts",
                "Ask the partner; then write `confirmation: {url: /jobs/{reference}, responses: […]}`.",
            )
            return


def unusable(subject: Subject) -> Iterator[Finding]:
    """RX191, RX192, RX193: a confirmation without a capture or a provisional rule, and keys that do nothing there."""
    spec, asked = subject.spec, subject.spec.confirmation
    if asked is None or not subject.intact("confirmation", "responses"):
        return
    rules = [rule for rule in spec.responses if rule.provisional]
    if not rules:
        yield subject.warning(
            "RX192",
            ("confirmation",),
            "no rule is provisional: there is nothing to ask about",
            "Write `provisional: true` to the rule for accepted rows, or remove `confirmation`.",
        )
    for name in sorted(asked.captures) if rules else ():
        if not any(getattr(rule.capture, name) for rule in rules):
            yield subject.error(
                "RX191",
                ("confirmation", "url"),
                f"it names `{{{name}}}`, which no provisional rule captures",
                f"Write `capture: {{{name}: $.job_id}}` to the provisional rule.",
            )
    for index, rule in enumerate(asked.responses):
        if idle := [key for key in ("retry", "after", "provisional") if key in rule.model_fields_set]:
            yield subject.warning(
                "RX193",
                ("confirmation", "responses", index, idle[0]),
                f"{listed(idle)} {'has' if len(idle) == 1 else 'have'} no effect in a rule of `confirmation`",
                "Remove it; `pending` says when nothing is decided, `every` how often to ask.",
            )

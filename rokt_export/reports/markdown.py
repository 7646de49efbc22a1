"""Turn a run into Markdown: the letter to the tech contact, then the run's figures and its deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.redaction.display_text import markdown
from rokt_export.reports.contact_letter import ContactLetter
from rokt_export.reports.listing import Listing
from rokt_export.reports.markdown_table import table
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.reasons import ReasonGroup, less_frequent
from rokt_export.reports.run_facts import run_facts, title
from rokt_export.reports.run_report import RunReport, moment

_MOST_REASONS = 30
"""Groups of reasons that are listed."""
MOST_LISTED = 10_000
"""Deliveries that are listed: 1 MB, which editors and ticket systems still show."""


def write(run_report: RunReport, stream: TextIO, template: str = "en") -> None:
    """Write the report in constant memory.

    Args:
        run_report: the run.
        stream: a text stream that translates no line ends.
        template: the words of the letter: a language, or a folder of templates; see `ContactLetter`.

    Raises:
        UsageError: a template is missing, or fails.
    """
    stream.write(f"# {markdown(title(run_report))}\n\n")
    if run_report.unfinished:
        stream.write(f"{markdown(run_report.unfinished)}\n\n")
    letter = ContactLetter(run_report, template, attached=False, table=Listing.of(run_report, MOST_LISTED))
    stream.write(letter.markdown())
    stream.writelines(_run(run_report))


def _run(run_report: RunReport) -> Iterator[str]:
    yield "\n---\n\n## The run\n\n"
    yield from table(("", ""), run_facts(run_report))
    yield "## Outcomes\n\n"
    counts = (
        (f"{SIGNS[kind].mark} {kind}", f"{number:,}", SIGNS[kind].meaning) for kind, number in run_report.counts.items()
    )
    yield from table(("Outcome", "Rows", "Meaning"), counts, {1})
    yield from reasons(run_report)
    if run_report.coverage is not None:
        yield f"## Response rules\n\n{markdown(run_report.coverage.line())}\n\n"
        yield from table(("Rule", "Outcome", "Responses"), _rules(run_report), {2})
    listing = Listing.of(run_report, MOST_LISTED)
    yield "## Every delivery\n\n" if listing.is_complete and run_report.only is None else "## Deliveries\n\n"
    for note in listing.notes():
        yield f"{markdown(note)}\n\n"
    columns = ("Row", "Transaction", "Sent (UTC)", "Outcome", "Status", "Reference", "Reason")
    yield from table(columns, map(_row, listing.deliveries()), {0, 4})


def reasons(run_report: RunReport) -> Iterator[str]:
    """Yield why rows had an unexpected outcome, grouped; nothing where none had."""
    groups, other_rows = run_report.reasons.most_frequent(_MOST_REASONS)
    if groups:
        yield "## Reasons\n\n"
        yield from table(("Count", "Outcome", "Status", "Rule", "Reason", "First row"), map(_reason, groups), {0, 2, 5})
    if other_rows:
        yield f"{less_frequent(other_rows)}.\n\n"


def _reason(one: ReasonGroup) -> tuple[str, ...]:
    status = "" if one.status is None else str(one.status)
    outcome = f"{SIGNS[one.outcome].mark} {one.outcome}"
    return f"{one.rows:,}", outcome, status, one.rule or "", one.reason, str(one.first)


def _rules(run_report: RunReport) -> Iterator[tuple[str, str, str]]:
    spec, seen = run_report.spec, run_report.figures.rules
    outcomes = dict(zip(spec.rule_names, spec.responses, strict=True)) if spec is not None else {}
    coverage = run_report.coverage
    for name in outcomes or (() if coverage is None else (*coverage.seen, *coverage.never)):
        outcome = outcomes[name].outcome if name in outcomes else ""
        yield name, outcome, f"{seen[name]:,}" if seen[name] else "not yet seen"


def _row(one: Delivery) -> tuple[str, ...]:
    return (
        str(one.row),
        one.transaction,
        moment(one.started).removesuffix(" UTC") if one.started else "",
        f"{one.outcome}{one.confirmation_text}",
        "" if one.status is None else str(one.status),
        one.reference or "",
        one.error or one.reason or "",
    )

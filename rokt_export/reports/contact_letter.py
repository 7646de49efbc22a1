"""Turn a run into what the partner's tech contact is told and asked: facts, examples, identifiers, questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TextIO

from rokt_export.exchange.delivery import Delivery
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.recording import Recording
from rokt_export.reports.blocks import Block, Grid, Heading, Paragraph, Questions, markdown
from rokt_export.reports.http_text import split_url
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.reasons import ReasonGroup
from rokt_export.reports.run_report import Story, moment

if TYPE_CHECKING:
    from rokt_export.reports.person_lookup import Identities

MOST_NAMED = 3
"""Identifiers named in a sentence."""
MOST_REASONS = 30
"""Groups of reasons that are listed."""
MOST_EXAMPLES = 5
"""Deliveries shown of each outcome."""
_TO_LOOK_UP = {
    OutcomeKind.DELIVERED: "delivered",
    OutcomeKind.DUPLICATE: "duplicate",
    OutcomeKind.UNKNOWN: "unknown, did they arrive",
}


def lookups(story: Story) -> list[str]:
    """Return what the tech contact should look for: a heading and lines; nothing where nothing may have arrived."""
    sought = [outcome for outcome in _TO_LOOK_UP if story.counts.get(outcome)]
    if not sought or story.run.purged:
        return []
    figures, contact = story.figures, _contact(story) or f"the tech contact of {story.partner}"
    lines = [
        f"A sandbox answered: nothing reached the partner. After a real run, {contact} would be asked to look up:"
        if story.run.sandbox
        else f"Ask {contact} to look up in {story.run.environment}:",
        f"sent {moment(figures.first_sent)} to {moment(figures.last_sent)}",
    ]
    for outcome in sought:
        some = examples(story, outcome, MOST_NAMED)
        lines.append(f"{_TO_LOOK_UP[outcome]}: {_named(some, story.counts[outcome])}")
    return lines


def examples(story: Story, outcome: str, most: int) -> list[Delivery]:
    """Return the first deliveries of an outcome, at most so many."""
    found: list[Delivery] = []
    for one in story.deliveries([outcome]):
        found.append(one)
        if len(found) == most:
            break
    return found


def title(story: Story) -> str:
    """Return what a hand-over is called, such as `Acme Insurance, staging: 9 test deliveries`."""
    noun = "delivery" if story.rows == 1 else "deliveries"
    kind = "test " if story.run.command in ("test", "certify") else ""
    return f"{story.partner}, {story.run.target}: {story.rows:,} {kind}{noun}"


def letter(story: Story) -> Iterator[Block]:
    """Yield the hand-over to the tech contact, without the table of every delivery."""
    yield Heading(title(story), 1)
    if contact := _contact(story):
        yield Paragraph(f"Dear {contact},")
    if story.run.sandbox:
        yield Paragraph(
            f"this is a rehearsal. A sandbox, made from our spec, answered in place of your {story.run.environment} "
            "endpoint: nothing was sent to you, and there is nothing to look up. All times are UTC."
        )
    else:
        yield Paragraph(
            f"this is what we sent to your {story.run.environment} endpoint, how it was answered, and how we read the "
            "answers. Please look the records up and confirm the numbered points at the end. All times are UTC."
        )
    yield Heading("What was sent")
    yield Grid(("", ""), letter_facts(story))
    yield Heading("How the answers were read")
    yield Grid(("Outcome", "Rows", "Meaning"), _counts(story), frozenset({1}))
    yield from reason_blocks(story)
    if story.coverage is not None:
        yield Paragraph(f"Response rules: {story.coverage.line()}.")
        yield Grid(("Rule", "Outcome", "Answers"), _rules(story), frozenset({2}))
    if not story.run.purged:
        yield from _examples(story)
    yield Heading("Please confirm")
    yield Questions(questions(story))


def reason_blocks(story: Story) -> Iterator[Block]:
    """Yield why rows had an unexpected outcome, grouped; nothing where none had."""
    groups, other_rows = story.reasons.most_frequent(MOST_REASONS)
    if not groups:
        return
    yield Heading("Reasons")
    columns = ("Count", "Outcome", "Status", "Rule", "Reason", "First row")
    yield Grid(columns, [_reason(one) for one in groups], frozenset({0, 2, 5}))
    if other_rows:
        yield Paragraph(f"{other_rows:,} more rows have less frequent reasons.")


def _reason(one: ReasonGroup) -> tuple[str, ...]:
    status = "" if one.status is None else str(one.status)
    outcome = f"{SIGNS[one.outcome].mark} {one.outcome}"
    return f"{one.rows:,}", outcome, status, one.rule or "", one.reason, str(one.first)


def every_delivery(story: Story) -> Iterator[Block]:
    """Yield the table of every delivery, which is read as it is written."""
    yield Heading("Every delivery")
    columns = ("Row", "Transaction", "Sent (UTC)", "Outcome", "Status", "Reference", "Reason")
    yield Grid(columns, (_row(one) for one in story.deliveries()), frozenset({0, 4}))


def questions(story: Story) -> list[str]:
    """Return what the tech contact is asked to confirm."""
    if story.run.purged:
        return ["Nothing: what would be looked up has been removed."]
    if story.run.sandbox:
        return ["Nothing yet: a sandbox answered in your place."]
    asked = [
        question
        for outcome, question in _QUESTIONS.items()
        if story.counts.get(outcome)
        for question in [question.format(named=_named(examples(story, outcome, MOST_NAMED), story.counts[outcome]))]
    ]
    if awaited := story.run.confirmations.get("awaited"):
        asked.append(f"You accepted {awaited:,} of these, and decide later. What did you decide, and how can we ask?")
    if story.coverage is not None and story.coverage.never:
        never = ", ".join(story.coverage.never)
        asked.append(f"These of our response rules were not seen: {never}. Can you tell us how to bring them about?")
    if story.counts.get(OutcomeKind.DELIVERED):
        asked.append("Do the values in your records agree with what was sent, to the letter and to the digit?")
    return asked or ["Nothing was sent. Is the endpoint the right one, and ready?"]


_QUESTIONS = {
    OutcomeKind.DELIVERED: "Are these in your system, once each, as new records: {named}?",
    OutcomeKind.DUPLICATE: "You answered that these were known already: {named}. Is each in your system exactly once?",
    OutcomeKind.REJECTED: "You refused these: {named}. Is the reason the one that we read?",
    OutcomeKind.FAILED: "These failed: {named}. Was your service unavailable, and may such a delivery be sent again?",
    OutcomeKind.UNCLASSIFIED: "We cannot interpret your answers to these: {named}. What do they mean?",
    OutcomeKind.UNKNOWN: "No answer reached us for these: {named}. Did they arrive?",
}


def _contact(story: Story) -> str | None:
    contact = story.spec.contact if story.spec is not None else None
    return None if contact is None else contact.name


def _named(some: Sequence[Delivery], number: int) -> str:
    named = ", ".join(f"{one.transaction} (reference {one.reference})" if one.reference else one.transaction
                      for one in some)  # fmt: skip
    return f"{named}, and {number - len(some):,} more" if number > len(some) else named


def letter_facts(story: Story) -> Iterator[tuple[str, str]]:
    """Yield name and value of what identifies a run and what it sent."""
    run, figures = story.run, story.figures
    yield "Run", f"{run.run} ({run.name})" if run.name else run.run
    yield "Environment", run.target
    if (endpoint := endpoint_of(story)) is not None:
        yield "Endpoint", endpoint
    yield "First sent", moment(figures.first_sent)
    yield "Last sent", moment(figures.last_sent)
    yield "Rows", f"{story.rows:,}"
    yield "Requests sent", f"{figures.attempts:,}"
    yield "People", _people(story)
    yield "Spec", f"{run.spec_file}, SHA-256 {run.spec_sha256}"
    if run.events:
        yield "Transactions", ", ".join(run.events)
    for note in filter(None, (story.ending, *story.notes)):
        yield "Note", note


def endpoint_of(story: Story) -> str | None:
    """Return method and address, without the query, as first sent; None where no request was recorded."""
    recording = next((one for _, one in story.recordings() if one.method is not None), None)
    if recording is None:
        return None
    url = str(recording.url)
    host, target = split_url(url)
    return f"{recording.method} {url.partition('://')[0]}://{host}{target.partition('?')[0]}"


def _people(story: Story) -> str:
    invented, rows = story.figures.invented, story.figures.rows
    if invented == rows:
        return "invented"
    real = "real; tokens stand in place of their data, the same for the same value"
    return real if not invented else f"{invented:,} invented, {rows - invented:,} {real}"


def _counts(story: Story) -> Iterator[tuple[str, str, str]]:
    for outcome, number in story.counts.items():
        yield f"{SIGNS[outcome].mark} {outcome}", f"{number:,}", SIGNS[outcome].meaning


def _rules(story: Story) -> Iterator[tuple[str, str, str]]:
    coverage = story.coverage
    if coverage is None:
        return
    spec = story.spec
    outcomes = dict(zip(spec.rule_names, spec.responses, strict=True)) if spec is not None else {}
    for name in outcomes or (*coverage.seen, *coverage.never):
        seen = coverage.seen.get(name, 0)
        yield name, outcomes[name].outcome if name in outcomes else "", f"{seen:,}" if seen else "never"


def _examples(story: Story) -> Iterator[Block]:
    from rokt_export.reports.person_lookup import (
        Identities,  # a table on a terminal does without what reads requests back
    )

    identities = Identities(story)
    yield Heading("Examples" if story.run.sandbox else "Examples to look up")
    for outcome, number in story.counts.items():
        some = examples(story, outcome, MOST_EXAMPLES)
        of = f", the first {len(some)} of {number:,}" if number > len(some) else ""
        yield Heading(f"{SIGNS[outcome].mark} {outcome}{of}", 3)
        yield _example_grid(story, some, identities)


def _example_grid(story: Story, some: Sequence[Delivery], identities: Identities) -> Grid:
    people = [identities.of(_recording(story, one)) for one in some]
    names = [name for name in identities.names if any(name in person for person in people)]
    rows = [(*_row(one), *(person.get(name, "") for name in names)) for one, person in zip(some, people, strict=True)]
    columns = ("Row", "Transaction", "Sent (UTC)", "Outcome", "Status", "Reference", "Reason", *names)
    kept = [index for index in range(len(columns)) if index != 3 and any(row[index] for row in rows)]
    numbers = frozenset(at for at, index in enumerate(kept) if index in (0, 4))
    return Grid([columns[index] for index in kept], [[row[index] for index in kept] for row in rows], numbers)


def _recording(story: Story, one: Delivery) -> Recording | None:
    return story.recording(one.row) if one.invented else None


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


def write(story: Story, stream: TextIO) -> None:
    """Write the letter and the table of every delivery as Markdown, in constant memory."""
    stream.writelines(markdown(chain(letter(story), every_delivery(story))))

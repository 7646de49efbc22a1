"""Turn a run into a few lines of Markdown, to be pasted into a chat or a ticket: no table, no person's data."""

from __future__ import annotations

from typing import TextIO

from rokt_export.redaction.display_text import markdown
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.reasons import less_frequent
from rokt_export.reports.run_facts import sent_when, title
from rokt_export.reports.run_report import Story

_MOST = 5
"""Reasons that are listed."""


def write(story: Story, stream: TextIO) -> None:
    """Write the summary."""
    counts = ", ".join(f"{SIGNS[outcome].mark} {number:,} {outcome}" for outcome, number in story.counts.items())
    stream.write(f"**{markdown(title(story))}**: {counts or 'nothing was sent'}\n\n")
    if story.unfinished:
        stream.write(f"{markdown(story.unfinished)}\n\n")
    groups, others = story.reasons.most_frequent(_MOST)
    for one in groups:
        status = f", status {one.status}" if one.status is not None else ""
        reason = f": {markdown(one.reason)}" if one.reason else ""
        stream.write(f"- {one.rows:,} {one.outcome}{status}{reason} (first: row {one.first})\n")
    if others:
        stream.write(f"- {less_frequent(others)}\n")
    for note in story.notes:
        stream.write(f"- {markdown(note)}\n")
    lead = "\n" if groups or story.notes else ""
    when = sent_when(story)
    stream.write(f"{lead}Run {story.run.run}{f', {when}' if when else ''}\n")

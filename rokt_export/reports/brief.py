"""Turn a run into a few lines of Markdown, to be pasted into a chat or a ticket: no table, no person's data."""

from __future__ import annotations

from typing import TextIO

from rokt_export.redaction.display_text import markdown
from rokt_export.reports.outcome_icons import SIGNS
from rokt_export.reports.reasons import less_frequent
from rokt_export.reports.run_facts import sent_when, title
from rokt_export.reports.run_report import RunReport

_MOST = 5
"""Reasons that are listed."""


def write(run_report: RunReport, stream: TextIO) -> None:
    """Write the summary."""
    counts = ", ".join(f"{SIGNS[outcome].mark} {number:,} {outcome}" for outcome, number in run_report.counts.items())
    stream.write(f"**{markdown(title(run_report))}**: {counts or 'nothing was sent'}\n\n")
    if run_report.unfinished:
        stream.write(f"{markdown(run_report.unfinished)}\n\n")
    groups, others = run_report.reasons.most_frequent(_MOST)
    for one in groups:
        status = f", status {one.status}" if one.status is not None else ""
        reason = f": {markdown(one.reason)}" if one.reason else ""
        stream.write(f"- {one.rows:,} {one.outcome}{status}{reason} (first: row {one.first})\n")
    if others:
        stream.write(f"- {less_frequent(others)}\n")
    for note in run_report.notes:
        stream.write(f"- {markdown(note)}\n")
    lead = "\n" if groups or run_report.notes else ""
    when = sent_when(run_report)
    stream.write(f"{lead}Run {run_report.run.run}{f', {when}' if when else ''}\n")

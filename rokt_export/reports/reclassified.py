"""Turn a reclassified run into tables for a terminal: outcomes before and after, and the rows that change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rokt_export.diff.reclassify import OutcomeChange, Reclassified, ReclassifiedRow
from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import RowSet
from rokt_export.reports.console import outcome_text, plain

_UNBOUNDED = 1_000
"""Columns of a terminal in which nothing needs to wrap."""


def matrix(console: Console, found: Reclassified) -> None:
    """Print how many rows had each outcome before, and have each after; as lines where the table does not fit."""
    after = [kind for kind in OutcomeKind if any(new is kind for _, new in found.matrix)]
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("before", no_wrap=True)
    for kind in after:
        table.add_column(Text("now ").append_text(outcome_text(console, str(kind))), justify="right", no_wrap=True)
    for before in OutcomeKind:
        numbers = [found.matrix[before, kind] for kind in after]
        if any(numbers):
            cells = [
                Text(f"{number:,}" if number else "", style="" if kind is before else "bold")
                for kind, number in zip(after, numbers, strict=True)
            ]
            table.add_row(outcome_text(console, str(before)), *cells)
    if console.measure(table, options=console.options.update_width(_UNBOUNDED)).maximum <= console.width:
        console.print(table)
        return
    for (before, kind), rows in sorted(found.matrix.items(), key=lambda item: -item[1]):
        console.print(_step(console, before, kind).append(f"  {rows:,}"))


def _step(console: Console, before: OutcomeKind, after: OutcomeKind) -> Text:
    if before is after:
        return outcome_text(console, str(before)).append(" stays")
    return Text.assemble(outcome_text(console, str(before)), " → ", outcome_text(console, str(after)))


def changes(console: Console, steps: Mapping[OutcomeChange, RowSet]) -> None:
    """Print how rows change, and which: a line for each step from one outcome and rule to another."""
    for (before, rule_before, after, rule), rows in sorted(steps.items(), key=lambda item: -len(item[1])):
        line = Text(f"{len(rows):,}  ").append_text(_step(console, before, after))
        line.append_text(plain(f", {_rules(rule_before, rule)}"))
        console.print(line.append(f": row{'' if len(rows) == 1 else 's'} {rows.summary()}", style="dim"))


def changed_rows(console: Console, rows: Iterable[ReclassifiedRow]) -> None:
    """Print rows that change, with what they were and are."""
    for one in rows:
        line = Text(f"row {one.before.row}  ")
        line.append_text(_step(console, one.before.outcome, one.after.outcome))
        line.append_text(plain(f", {_rules(one.before.rule, one.after.rule)}"))
        console.print(line)
        if one.after.reason:
            console.print(Text("   ").append_text(plain(one.after.reason)), style="dim")


def _rules(before: str | None, after: str | None) -> str:
    if before == after:
        return f"rule {after}"
    return f"rule {before or 'none'} → {after or 'none'}" if before else f"rule {after}"

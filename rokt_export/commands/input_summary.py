"""How files of transactions are read, shown before any row of them is sent: their columns, and what is damaged."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import Terminal
from rokt_export.delivery.plan import FileRows, GeneratedRows
from rokt_export.delivery.redaction_setup import ADDRESS
from rokt_export.delivery.row_source import is_live

if TYPE_CHECKING:
    from rokt_export.transactions.columns import ColumnsReport
    from rokt_export.transactions.sources import Scan

FIRST_ROWS = 20_000
"""Rows that are looked at where not all of them are: a look that nobody notices waiting for."""
_NAMES = 20
_DAMAGES = 12


def tell_first_rows(terminal: Terminal, rows: FileRows | GeneratedRows, count: int | None) -> None:
    """Tell how the rows that are to be sent are read, where they come from files; stdin is read but once.

    Args:
        terminal: where to.
        rows: where they come from.
        count: how many of them are sent; None = all.

    Raises:
        TransactionsError: the files cannot be read, or hold no row.
    """
    if isinstance(rows, FileRows) and not is_live(rows):
        from rokt_export.transactions.sources import scan

        limit = FIRST_ROWS if count is None else min(count, FIRST_ROWS)
        tell_how_read(terminal, rows, scan(rows.paths, options=rows.options, limit=limit))


def tell_how_read(terminal: Terminal, rows: FileRows, found: Scan) -> None:
    """Tell what became of the columns, and where the rows are damaged."""
    _tell_columns(terminal, _wanting(rows, found.columns))
    if found.altered and rows.options.sent:
        fate = (
            "rows in which a sent value is damaged are invalid, unless --send-damaged is given"
            if rows.options.refuse_damage_in
            else "damaged values are sent as they are; a guarded environment would refuse their rows"
        )
        terminal.warn(f"  {fate}")
    for damage in found.damages[:_DAMAGES]:
        terminal.warn(f"  {damage.where}: {damage.message}. {damage.remedy}")
    shown = min(len(found.damages), _DAMAGES)
    total = sum(found.counts.values())
    if total > shown:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in found.counts.items())
        terminal.warn(f"  in all {total:,}: {kinds}")


def _wanting(rows: FileRows, columns: ColumnsReport) -> ColumnsReport:
    """Return the report without what no column need carry: all rows have it from the command line, or none may."""
    changed = rows.overrides.keys() | rows.unset
    return replace(columns, missing=tuple(name for name in columns.missing if name not in changed))


def _tell_columns(terminal: Terminal, columns: ColumnsReport) -> None:
    """A guess is shown too: a wrong one would land in the partner's system."""
    guessed = [f"{column} = {name}" for column, name in columns.guessed.items() if column not in columns.unused]
    if guessed:
        terminal.say(f"columns taken for attributes: {_listed(guessed)}")
    if columns.unmapped:
        terminal.say(f"columns no attribute is known for: {_listed(columns.unmapped)}", style="yellow")
    if columns.missing:
        terminal.say(f"attributes that no column carries: {_listed(columns.missing)}", style="yellow")
    if columns.unmapped and columns.missing:
        pair = columns.likely()
        example = f"perhaps --map {shlex.quote('='.join(pair))}" if pair else "--map 'COLUMN=ATTRIBUTE'"
        terminal.say(f"  Say what a column carries: {example}", style="yellow")
    if unneeded := [name for name in columns.unused if name not in columns.unmapped]:
        terminal.say(f"columns that the spec does not need: {_listed(unneeded)}")


def _listed(names: Iterable[str]) -> str:
    """Return names as a list of a line or two; of a wrong file they may be people's data."""
    listed = list(dict.fromkeys("(a name that is somebody's data)" if ADDRESS.search(name) else name for name in names))
    more = f", and {len(listed) - _NAMES} more" if len(listed) > _NAMES else ""
    return ", ".join(listed[:_NAMES]) + more

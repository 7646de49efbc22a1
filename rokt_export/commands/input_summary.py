"""What is said of the input: how its columns are read, what is damaged, and what production answered before."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import Terminal, number_of
from rokt_export.delivery.input_feed import is_live
from rokt_export.delivery.plan import FileRows, GeneratedRows
from rokt_export.delivery.redaction_clues import ADDRESS
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import NOT_RECEIVED, OutcomeKind

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Selection
    from rokt_export.partner_spec.model import PartnerSpec
    from rokt_export.transactions.columns import ColumnsReport
    from rokt_export.transactions.sources import Scan

FIRST_ROWS = 20_000
"""Rows that are looked at where not all of them are: a look that nobody notices waiting for."""
_NAMES = 20
_DAMAGES = 12


def tell_first_rows(terminal: Terminal, spec: PartnerSpec, rows: FileRows | GeneratedRows, count: int | None) -> None:
    """Tell how the rows that are to be sent are read, where they come from files; stdin is read but once.

    Of test people, tell which parameters none of them can satisfy.

    Args:
        count: how many of them are sent; None = all.

    Raises:
        TransactionsError: the files cannot be read, or hold no row.
    """
    if isinstance(rows, GeneratedRows):
        from rokt_export.request.spec_people import unmet

        for each in unmet(spec, rows.overrides.keys() | rows.unset):
            terminal.warn(f"{each.message}. {each.remedy}")
    elif not is_live(rows):
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
            else f"damaged values are taken as they are; in a guarded environment {_refused_if_guarded(rows, found)}"
        )
        terminal.warn(f"  {fate}")
    distinct = {(each.kind, each.file, each.column, each.message): each for each in reversed(found.damages)}
    first = sorted(distinct.values(), key=found.damages.index)[:_DAMAGES]
    for damage in first:
        terminal.warn(f"  {damage.where}: {damage.message}. {damage.remedy}")
    total = sum(found.counts.values())
    if total > len(first):
        kinds = ", ".join(f"{kind.words} ({count:,})" for kind, count in found.counts.items())
        terminal.warn(f"  {total:,} in all: {kinds}")


def _refused_if_guarded(rows: FileRows, found: Scan) -> str:
    """Return how many rows a guarded environment would refuse for their damage, as a clause: they are read again."""
    from rokt_export.transactions.sources import scan

    left = (rows.options.sent or frozenset()).difference(rows.overrides, rows.unset)
    strictly = replace(rows.options, refuse_damage_in=left)
    looked_at = min(found.rows, FIRST_ROWS)
    refused = scan(rows.paths, options=strictly, limit=looked_at).problems
    refused -= scan(rows.paths, options=rows.options, limit=looked_at).problems
    if not refused:
        return "their rows would be invalid"
    first = "" if found.complete and looked_at == found.rows else "the first "
    return f"{number_of(refused)} of {first}{looked_at:,} would be invalid, unless --send-damaged is given"


def _wanting(rows: FileRows, columns: ColumnsReport) -> ColumnsReport:
    """Return the report without what no column need carry: all rows have it from the command line, or none may."""
    changed = rows.overrides.keys() | rows.unset
    return replace(columns, missing=tuple(name for name in columns.missing if name not in changed))


def _tell_columns(terminal: Terminal, columns: ColumnsReport) -> None:
    """A guess is shown too: a wrong one would land in the partner's system."""
    guessed = [f"{column} = {name}" for column, name in columns.guessed.items() if column not in columns.unused]
    if guessed:
        terminal.say(f"columns taken for attributes: {_listed(guessed)}")
    unused = list(dict.fromkeys((*columns.unmapped, *columns.unused)))
    if columns.missing:
        terminal.say(f"missing attributes: {_listed(columns.missing)}", style="yellow")
    if columns.missing and columns.unmapped:
        pair = columns.likely()
        example = f"perhaps --map {shlex.quote('='.join(pair))}" if pair else "--map 'COLUMN=ATTRIBUTE'"
        terminal.say(f"unused columns: {_listed(unused)}", style="yellow")
        terminal.say(f"  Map a column to an attribute: {example}", style="yellow")
    elif unused:
        terminal.say(f"{number_of(len(unused), 'unused column', 'unused columns')}; --verbose lists them")
        terminal.detail(f"unused columns: {_listed(unused)}")


def _listed(names: Iterable[str]) -> str:
    """Return names as a list of a line or two; of a wrong file they may be people's data."""
    listed = list(dict.fromkeys("(a name that is somebody's data)" if ADDRESS.search(name) else name for name in names))
    more = f", and {len(listed) - _NAMES} more" if len(listed) > _NAMES else ""
    return ", ".join(listed[:_NAMES]) + more


_ANSWERED = {
    LeftOut.DELIVERED: ("was delivered to production", "were delivered to production", "has"),
    LeftOut.DUPLICATE: ("was a duplicate in production", "were duplicates in production", "has"),
    LeftOut.REJECTED: ("was rejected by production", "were rejected by production", "rejected"),
    LeftOut.FAILED: ("failed in production", "failed in production", "failed on"),
    LeftOut.UNCLASSIFIED: (
        "got a response from production that no rule matches",
        "got responses from production that no rule matches",
        "sent an unclassified response for",
    ),
}
"""Outcome to what one row did before, what several did, and what production did with them."""


def before_sending(known: Mapping[LeftOut, int], selection: Selection) -> Iterator[str]:
    """Yield how many rows production answered before, by outcome, and what becomes of them now."""
    for outcome, (one, several, _) in _ANSWERED.items():
        if rows := known.get(outcome, 0):
            if OutcomeKind(outcome) in selection.leave:
                fate = f"sent again ({'--again' if selection.delivered else '--only'})"
            else:
                fate = f"left out; {_flags(outcome)} sends {_them(rows)}"
            yield f"{number_of(rows, f'row {one}', f'rows {several}')} before: {fate}"
    if twice := known.get(LeftOut.REPEATED, 0):
        fate = "sent again (--again)" if selection.delivered else "left out"
        yield f"{number_of(twice, 'row repeats', 'rows repeat')} an earlier one of these: {fate}"
    if unknown := known.get(LeftOut.UNKNOWN, 0):
        fate = f"left out; once no other run is under way, --resend-unknown sends {_them(unknown)}"
        if selection.unknown:
            those = "unless another run is sending it" if unknown == 1 else "except those that another run is sending"
            fate = f"sent again (--resend-unknown), {those}"
        yield f"{number_of(unknown)} may have been delivered to production before: {fate}"


def left_out(
    rows_by: Mapping[str, int], first: Mapping[str, Sequence[int]], command: str, *, repeated: bool = True
) -> Iterator[str]:
    """Yield how many rows were left out, which, why, and how they are sent, for the command that left them out.

    Args:
        rows_by: `LeftOut` to rows.
        first: `LeftOut` to the numbers of the first of these rows.
        command: what left them out.
        repeated: also say which rows the input has twice.
    """
    replays = "" if command == "replay" else "`rokt-export replay … "
    end = "`" if replays else ""
    if command == "diff":
        replays = end = ""
    for outcome, (_, _, did) in _ANSWERED.items():
        if rows := rows_by.get(outcome, 0):
            out, them = _out(rows, first.get(outcome, ())), _them(rows)
            when = "already" if did == "has" else "before"
            yield f"{out}: production {did} {them} {when} ({replays}{_flags(outcome)}{end} sends {them})"
    if repeated and (twice := rows_by.get(LeftOut.REPEATED, 0)):
        repeat = "it repeats" if twice == 1 else "they repeat"
        yield f"{_out(twice, first.get(LeftOut.REPEATED, ()))}: {repeat} an earlier row of the input"
    if unknown := rows_by.get(LeftOut.UNKNOWN, 0):
        them, still = _them(unknown), "it if it is still unknown" if unknown == 1 else "those that are still unknown"
        yield (
            f"{_out(unknown, first.get(LeftOut.UNKNOWN, ()))}: when this run left {them} out, production might have "
            f"had {them}: another run was sending such rows, or had got no response. When no other run is under way, "
            f"{replays}--resend-unknown{end} sends {still}"
        )


def _out(rows: int, first: Sequence[int]) -> str:
    """Return `2 rows were left out (rows 4, 9)`; behind the first rows `…` stands for more."""
    which = f" ({'row' if rows == 1 else 'rows'} {', '.join(map(str, first))}{', …' * (rows > len(first))})"
    return number_of(rows, "row was left out", "rows were left out") + which * bool(first)


def _flags(outcome: LeftOut) -> str:
    return f"--only {outcome} --from-run RUN" if OutcomeKind(outcome) in NOT_RECEIVED else "--again"


def _them(rows: int) -> str:
    return "it" if rows == 1 else "them"

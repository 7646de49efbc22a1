"""What is said of rows that production answered before: before a run, and of those left out after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rokt_export.commands.terminal import number_of
from rokt_export.exchange.delivery import LeftOut
from rokt_export.exchange.model import OutcomeKind

if TYPE_CHECKING:
    from rokt_export.delivery.plan import Selection

_ANSWERED = {
    LeftOut.DELIVERED: ("was delivered to production", "were delivered to production", "has"),
    LeftOut.DUPLICATE: ("was a duplicate in production", "were duplicates in production", "has"),
    LeftOut.REJECTED: ("was rejected by production", "were rejected by production", "rejected"),
    LeftOut.FAILED: ("failed in production", "failed in production", "failed on"),
    LeftOut.UNCLASSIFIED: (
        "got an answer of production that no rule explains",
        "got answers of production that no rule explains",
        "gave an answer that no rule explains to",
    ),
}
"""Outcome to what one row did before, what several did, and what production did with them."""
_OPEN_TO_ONLY = (LeftOut.REJECTED, LeftOut.FAILED)


def before_sending(known: Mapping[LeftOut, int], selection: Selection) -> Iterator[str]:
    """Yield how many rows production answered before, by outcome, and what becomes of them now."""
    for outcome, (one, several, _) in _ANSWERED.items():
        if rows := known.get(outcome, 0):
            if OutcomeKind(outcome) in selection.leave:
                fate = f"sent again ({'--again' if selection.delivered else '--only'})"
            else:
                fate = f"left out; {_flags(outcome)} sends {_them(rows)}"
            yield f"{number_of(rows, f'row {one}', f'rows {several}')} before: {fate}"
    if unknown := known.get(LeftOut.UNKNOWN, 0):
        fate = "left out; once no other run is under way, --resend-unknown sends them"
        if selection.unknown:
            fate = "sent again (--resend-unknown), but for those that another run has under way"
        yield f"{number_of(unknown)} may have been delivered to production before: {fate}"


def left_out(rows_by: Mapping[str, int], command: str) -> Iterator[str]:
    """Yield how many rows were left out, why, and how they are sent, for the command that left them out."""
    replays = "" if command == "replay" else "`rokt-export replay … "
    end = "`" if replays else ""
    if command == "diff":
        replays = end = ""
    for outcome, (_, _, did) in _ANSWERED.items():
        if rows := rows_by.get(outcome, 0):
            out, them = number_of(rows, "row was left out", "rows were left out"), _them(rows)
            when = "already" if did == "has" else "before"
            yield f"{out}: production {did} {them} {when} ({replays}{_flags(outcome)}{end} sends {them})"
    if repeated := rows_by.get(LeftOut.REPEATED, 0):
        rows_out = number_of(repeated, "row was left out: it stands", "rows were left out: they stand")
        yield f"{rows_out} in the input before, and {'was' if repeated == 1 else 'were'} sent once"
    if unknown := rows_by.get(LeftOut.UNKNOWN, 0):
        rows_out = number_of(
            unknown, "row was left out: production may have it", "rows were left out: production may have them"
        )
        yield (
            f"{rows_out}, as another run is sending such rows now, or got no answer. When no other run is under way, "
            f"{replays}--resend-unknown{end} sends them"
        )


def _flags(outcome: LeftOut) -> str:
    return f"--only {outcome} --from-run RUN" if outcome in _OPEN_TO_ONLY else "--again"


def _them(rows: int) -> str:
    return "it" if rows == 1 else "them"

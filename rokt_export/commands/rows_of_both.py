"""Which rows go to both sides of `diff`, where a guarded one leaves out what it was sent before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rokt_export.errors import UsageError

if TYPE_CHECKING:
    from collections import Counter

    from rokt_export.delivery.plan import Plan
    from rokt_export.exchange.delivery import LeftOut


def check_rows_in_both(plans: Sequence[Plan]) -> None:
    """Check that a row goes to both sides, where a guarded one leaves out what it was sent before.

    Raises:
        UsageError: none does, because a guarded side has each, or may have it: nothing could be compared.
    """
    from rokt_export.commands.preflight import known_in_production
    from rokt_export.delivery.plan import FileRows

    guarded = [plan for plan in plans if plan.guarded and isinstance(plan.rows, FileRows)]
    if not guarded or next(_in_both(plans), None) is not None:
        return
    for plan in guarded:
        known, asked_for = known_in_production(plan)
        if known:
            raise _nothing_new(plan, known, asked_for)


def count_to_send(plans: Sequence[Plan], enough: int) -> int | None:
    """Return the `--count` by which enough rows go to both sides without --again; None where the files have too few.

    It is a hint: None also where the files or the journal cannot be read any more.
    """
    from rokt_export.delivery.plan import FileRows, Selection
    from rokt_export.errors import RoktExportError

    if not enough or not plans or not isinstance(plans[0].rows, FileRows):
        return None
    both = _in_both(replace(plan, selection=Selection()) for plan in plans)
    try:
        return next(islice(both, enough - 1, None), None)
    except RoktExportError:
        return None


def _nothing_new(plan: Plan, known: Counter[LeftOut], asked_for: int) -> UsageError:
    """Return the error that no row goes to both sides.

    Args:
        plan: of a guarded side.
        known: why rows are left out there to how many there are.
        asked_for: rows that were asked for.
    """
    from rokt_export.exchange.delivery import LeftOut

    all_of_them = known.total() == asked_for
    all_rows = f"all {asked_for:,} rows" if asked_for > 1 else "the only row"
    what = all_rows if all_of_them else f"{known.total():,} of {asked_for:,} rows"
    rest = "" if all_of_them else ", and no other row can go to both sides"
    remedy = "Compare the runs that sent them (`rokt-export diff --runs A B`), or send new rows"
    if known.total() > known[LeftOut.UNKNOWN] and not plan.selection.delivered:
        remedy += ", or add --again"
    return UsageError(
        f"{plan.environment} answered {what} before, or may have them{rest}: nothing is left to compare",
        remedy=f"{remedy}.",
    )


def _in_both(plans: Iterable[Plan]) -> Iterator[int]:
    """Yield the numbers of the rows that both sides would be sent."""
    from rokt_export.commands.preflight import rows_to_send

    return (row for row, other in pairwise(merge(*map(rows_to_send, plans))) if row == other)

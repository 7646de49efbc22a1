"""What a check says of a place: a difference, agreement, or why neither is certain."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, NamedTuple

from rokt_export.diff.forms import is_number
from rokt_export.diff.sentences import NAME_A, NAME_B
from rokt_export.diff.shown_values import scalar_text, shown_change
from rokt_export.diff.statistics import shift_of, unequal_places
from rokt_export.redaction.personal import without_marks


class DifferenceVerdict(NamedTuple):
    """What is wrong at a place, or why nothing can be said of it.

    Attributes:
        differs: whether it is a difference; else it cannot be judged.
        why: the change, or the reason.
        places: the rows that show it (positions in the column); None for all rows that are not equal.
        certain: whether few rows could not have made it by chance.
        form: what `varies:` calls the form, where both sides have one.
        bound: whether values belong to their rows, and were compared one by one.
        clock: whether the values are times, which samples show beside the time of the request.
    """

    differs: bool
    why: str
    places: Sequence[int] | None = None
    certain: bool = True
    form: str = ""
    bound: bool = False
    clock: bool = False


AGREES: Final = DifferenceVerdict(False, "")
"""All unequal values are proved to follow from the request or its time, in the same way on both sides."""
_MOST_CHANGES: Final = 4
"""Changes of one value into another that are listed."""
_DAY_MONTH: Final = re.compile(r"\b(\d\d?)([/.-])(\d\d?)(?=\2\d{4}\b|\2\d\d\b)")
_REWRITES: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("has the day and the month swapped in {b}", lambda text: _DAY_MONTH.sub(r"\3\2\1", text)),
    ("begins with http:// in {b} but with https:// in {a}", lambda text: text.replace("https://", "http://")),
    ("is in capital letters in {b}", str.upper),
    ("is in small letters in {b}", str.lower),
    ("has HTML escapes in {b}", html.escape),
    ("has lost its accents in {b}", without_marks),
    ("has leading zeros in {a} but not in {b}", lambda text: text.lstrip("0") or "0"),
    ("has blanks around it in {a} but not in {b}", str.strip),
    ("is UTF-8 read as Latin-1 in {b}", lambda text: text.encode("utf-8", "replace").decode("latin-1")),
    ("is UTF-8 read as Windows-1252 in {b}", lambda text: text.encode("utf-8", "replace").decode("cp1252", "replace")),
)
"""How one side's value comes from the other's, where no sample would say it as well."""


def left_undecided(a: Sequence[Any], why: str, form: str = "") -> DifferenceVerdict:
    """Return that a column cannot be judged, and why; for certain from 20 rows on."""
    return DifferenceVerdict(False, why, None, len(a) >= 20, form)


def unequal_rows(a: Sequence[Any], b: Sequence[Any], why: str = "") -> DifferenceVerdict:
    """Return the rows whose values are not equal, where each belongs to its row; without a reason, find one to say."""
    places = unequal_places(a, b)
    changes = dict.fromkeys((scalar_text(a[place]), scalar_text(b[place])) for place in places[:200])
    if not why and len(places) > 2 and all(is_number(text) and len(text) < 16 for pair in changes for text in pair):
        moved = shift_of([float(scalar_text(x)) for x in a], [float(scalar_text(y)) for y in b])
        why = "" if moved is None else more_or_less(moved.amount)
    why = why or how_rewritten(changes)
    if not why and len(changes) <= _MOST_CHANGES and len({x for x, _ in changes}) == len(changes):
        why = ", ".join(shown_change(x, y) for x, y in changes)
    return DifferenceVerdict(True, why, places, True, "", bound=True)


def more_or_less(amount: float) -> str:
    """Return by how much side B's numbers are more than side A's, as the end of a sentence."""
    return f"is {abs(amount):.15g} {'less' if amount < 0 else 'more'} in {NAME_B} than in {NAME_A}"


def how_rewritten(changes: Collection[tuple[str, str]]) -> str:
    """Return how each value of one side makes the other's; empty where none of the known ways does."""
    forth = [pair for pair in changes if "person-" not in pair[0].lower()]  # a token has a letter case of its own
    back = [(y, x) for x, y in forth]
    if all(x == y for x, y in forth):
        return ""
    for why, rewrite in _REWRITES:
        for pairs, a, b in ((forth, NAME_A, NAME_B), (back, NAME_B, NAME_A)):
            if all(rewrite(x) == y for x, y in pairs):
                return why.format(a=a, b=b)
    return ""

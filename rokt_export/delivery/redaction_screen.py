"""Tells which texts may hold something personal: one look at a batch spares nearly all of its rows a redaction."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from operator import attrgetter, contains

from rokt_export.delivery.redaction_setup import Clues, PersonalData, clue
from rokt_export.redaction.dates import dates_in_lines
from rokt_export.redaction.decoded_view import Reading, may_be_hashes, unpacked, without_uuids
from rokt_export.redaction.packed_batch import WHOLE, parts_in
from rokt_export.transactions.transaction import Transaction

_ENCODED = re.compile(r"[%\\&=\r\n\0]")
"""A text with one of these may hold a value in an encoding."""
_ENCODED_IN_BATCH = re.compile(r"[%\\&=\r\0]")
_is_invented = attrgetter("invented")


class Screen:
    """Looks at what is shown of a row twice: when it is intended, and with its response.

    Args:
        personal: knows a row's personal values.
    """

    def __init__(self, personal: PersonalData) -> None:
        self._personal = personal
        self._clues: dict[int, Clues] = {}

    def before(self, transactions: Sequence[Transaction], texts: Sequence[str]) -> list[int]:
        """Return the places to redact in what is shown of rows that are about to be sent."""
        if all(map(_is_invented, transactions)):
            return []
        clues = self._found(transactions)
        self._clues.update(zip([each.row for each in transactions], clues, strict=True))
        return places_to_redact(transactions, texts, clues, self._personal.days)

    def after(self, transactions: Sequence[Transaction], texts: Sequence[str]) -> list[int]:
        """Return the places to redact in what is shown of rows that are over."""
        if all(map(_is_invented, transactions)):
            return []
        clues = [self._clues.pop(each.row, None) for each in transactions]
        known = [one for one in clues if one is not None]
        if len(known) < len(clues) or len({len(columns) for columns, _ in known}) > 1:
            known = self._found(transactions)  # one was never sent, or they have different attributes
        return places_to_redact(transactions, texts, known, self._personal.days)

    def clues_of(self, transactions: Sequence[Transaction]) -> list[Clues]:
        """Return the clues of rows, over or not."""
        if all(each.row in self._clues for each in transactions):
            return [self._clues[each.row] for each in transactions]
        return self._found(transactions)

    def forget(self, transactions: Sequence[Transaction]) -> None:
        """Take note that rows are not sent after all."""
        for each in transactions:
            self._clues.pop(each.row, None)

    def _found(self, transactions: Sequence[Transaction]) -> list[Clues]:
        clues = self._personal.clues(transactions)
        if clues is None:
            clues = [one for each in transactions for one in self._personal.clues([each]) or ()]
            most = max(len(columns) for columns, _ in clues)
            clues = [(columns + ("\0",) * (most - len(columns)), plain) for columns, plain in clues]
        return clues


Days = Callable[[Transaction], frozenset[int]]


def places_to_redact(
    transactions: Sequence[Transaction], texts: Sequence[str], clues: Sequence[Clues], days: Days
) -> list[int]:
    """Return the places of the texts that may give their row's person away: by a clue, a date, a hash or an encoding.

    The batch is looked at as one text. Only what stands out there is looked at by itself.

    Args:
        transactions: the rows.
        texts: what is to be shown of each.
        clues: of each row.
        days: finds the days that a row's values may mean.
    """
    if not any(texts):
        return []
    shown = texts
    suspects: set[int] = set()
    together = "\n".join(texts)
    if together.count("\n") >= len(texts) or not together.isascii() or _ENCODED_IN_BATCH.search(together):
        suspects = {place for place, text in enumerate(texts) if _ENCODED.search(text) or not text.isascii()}
        texts = ["" if place in suspects else text for place, text in enumerate(texts)]
        together = "\n".join(texts)
    lines = clue(together).split("\n")
    for column in zip(*[columns for columns, _ in clues], strict=True):
        if any(map(contains, lines, column)):
            suspects.update(place for place, value in enumerate(column) if value in lines[place])
    ends = list(accumulate([len(text) + 1 for text in texts]))
    cleared = without_uuids(together)
    suspects.update(bisect_right(ends, run.start()) for run in may_be_hashes(cleared))
    for start, found in dates_in_lines(cleared):
        place = bisect_right(ends, start)
        if place not in suspects and not found.isdisjoint(days(transactions[place])):
            suspects.add(place)
    suspects |= _packed(transactions, texts, clues, days)
    return [place for place in sorted(suspects) if shown[place] and not transactions[place].invented]


def _packed(transactions: Sequence[Transaction], texts: Sequence[str], clues: Sequence[Clues], days: Days) -> set[int]:
    """Return the places of the texts that hold in base64 or hexadecimal what gives their row's person away."""
    found: set[int] = set()
    whole = {place for place, (_, plain) in enumerate(clues) if not plain}
    for place, part in parts_in(texts):
        if len(part) >= WHOLE:
            whole.add(place)
        elif _names(part, clues[place]):
            found.add(place)
    return found | {place for place in whole if _holds(texts[place], clues[place], partial(days, transactions[place]))}


def _names(text: str, clues: Clues) -> bool:
    line = clue(text)
    return any(one in line for one in clues[0])


def written_plainly(text: str) -> str:
    """Return a text without encodings and accents, so that a clue is found in it."""
    return Reading(text).plain.text if _ENCODED.search(text) or not text.isascii() else text


def _holds(text: str, clues: Clues, days: Callable[[], frozenset[int]]) -> bool:
    """Tell whether base64 or hexadecimal in a text holds what gives the row's person away."""
    for _, _, found in unpacked(text):
        if _names(written_plainly(found), clues):
            return True
        if any(may_be_hashes(found)) or any(not days().isdisjoint(one) for _, one in dates_in_lines(found)):
            return True
        if _holds(found, clues, days):
            return True
    return False

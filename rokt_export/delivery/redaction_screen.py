"""Tells which texts may hold something personal: one look at a batch spares nearly all of its rows a redaction."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import contains

from rokt_export.delivery.redaction_setup import Clues, PersonalData, clue
from rokt_export.redaction.dates import dates_in
from rokt_export.redaction.decoded_view import Reading, may_be_hashes, unpacked
from rokt_export.transactions.model import Transaction

_ENCODED = re.compile(r"[%\\&=\r\n\0]")
"""A text with one of these may hold a value in an encoding."""


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
        clues = self._found(transactions)
        self._clues.update(zip([each.row for each in transactions], clues, strict=True))
        return places_to_redact(transactions, texts, clues)

    def after(self, transactions: Sequence[Transaction], texts: Sequence[str]) -> list[int]:
        """Return the places to redact in what is shown of rows that are over."""
        clues = [self._clues.pop(each.row, None) for each in transactions]
        known = [one for one in clues if one is not None]
        if len(known) < len(clues) or len({len(columns) for columns, _ in known}) > 1:
            known = self._found(transactions)  # one was never sent, or they have different attributes
        return places_to_redact(transactions, texts, known)

    def forget(self, transactions: Sequence[Transaction]) -> None:
        """Take note that rows are not sent after all."""
        for each in transactions:
            self._clues.pop(each.row, None)

    def _found(self, transactions: Sequence[Transaction]) -> list[Clues]:
        clues = self._personal.clues(transactions)
        if clues is None:
            clues = [one for each in transactions for one in self._personal.clues([each]) or ()]
            most = max(len(columns) for columns, _ in clues)
            clues = [(columns + ("\0",) * (most - len(columns)), days) for columns, days in clues]
        return clues


def places_to_redact(transactions: Sequence[Transaction], texts: Sequence[str], clues: Sequence[Clues]) -> list[int]:
    """Return the places of the texts that may give their row's person away: by a clue, a date, a hash or an encoding.

    Args:
        transactions: the rows.
        texts: what is to be shown of each.
        clues: of each row.
    """
    suspects = {place for place, text in enumerate(texts) if _ENCODED.search(text) or not text.isascii()}
    together = (
        "\n".join("" if place in suspects else text for place, text in enumerate(texts))
        if suspects
        else ("\n".join(texts))
    )
    lines = clue(together).split("\n")
    for column in zip(*(columns for columns, _ in clues), strict=True):
        if any(map(contains, lines, column)):
            suspects.update(place for place, value in enumerate(column) if value in lines[place])
    starts: list[int] = []
    for start, end, found in _hits(together, days=any(days for _, days in clues)):
        starts = starts or [0, *accumulate(len(text) + 1 for text in together.split("\n"))]
        for place in range(bisect_right(starts, start) - 1, bisect_right(starts, end - 1)):
            if place not in suspects and (found is None or _tells(found, clues[place])):
                suspects.add(place)
    return [place for place in sorted(suspects) if not transactions[place].invented]


def _hits(text: str, *, days: bool) -> Iterator[tuple[int, int, str | frozenset[int] | None]]:
    """Yield the parts of a text that are dates, may be hashes (None), or hold another text in an encoding."""
    yield from ((*match.span(), None) for match in may_be_hashes(text))
    yield from unpacked(text)
    if days:
        yield from dates_in(text.lower())


def _tells(found: str | frozenset[int], clues: Clues) -> bool:
    columns, days = clues
    if not isinstance(found, str):
        return not days.isdisjoint(found)
    line = clue(Reading(found).plain.text)
    if any(one in line for one in columns):
        return True
    return any(inner is None or _tells(inner, clues) for _, _, inner in _hits(found, days=bool(days)))

"""Tells which texts may hold something personal: one look at a batch spares nearly all of its rows a redaction."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from itertools import accumulate, chain
from operator import contains

from rokt_export.delivery.redaction_clues import FOREIGN, clue
from rokt_export.delivery.redaction_setup import is_invented
from rokt_export.redaction.batch_signs import ENCODED, WHOLE, TextSign, in_base64, in_hexadecimal, signs_in
from rokt_export.redaction.dates import dates_in_lines, numbers_meaning
from rokt_export.redaction.decoded_view import DecodedText, may_be_hashes, unpacked, without_uuids
from rokt_export.transactions.transaction import Transaction

_LONG = 30
"""Characters of a usual line from which on it is quicker to take UUIDs out first."""
Days = Callable[[Sequence[Transaction]], Sequence[frozenset[int]]]


def places_to_redact(
    transactions: Sequence[Transaction], texts: Sequence[str], clues: Sequence[Sequence[str]], days: Days
) -> list[int]:
    """Return the places of the texts that may give their row's person away: by a clue, a date, a hash or an encoding.

    The batch is looked at as one text. Only what stands out there is looked at by itself.

    Args:
        transactions: the rows.
        texts: what is to be shown of each.
        clues: of the rows, as `clues_of` returns them.
        days: finds the days that the values of each row may mean.
    """
    if not any(texts) or all(map(is_invented, transactions)):
        return []
    shown = texts
    suspects: set[int] = set()
    together = "\n".join(texts)
    signs, cleared = _signs_in(together, len(texts))
    if TextSign.ENCODED in signs:
        suspects = {place for place, text in enumerate(texts) if ENCODED.search(text) or not text.isascii()}
        texts = ["" if place in suspects else text for place, text in enumerate(texts)]
        together = "\n".join(texts)
        signs, cleared = _signs_in(together, len(texts))
    lines = clue(together).split("\n")
    foreign, *columns = clues
    closely = {place for place, mark in enumerate(foreign) if mark == FOREIGN} if FOREIGN in foreign else set()
    days_of_rows = cache(lambda: days(transactions))
    if signs:
        suspects |= _places_of(signs, cleared, days_of_rows)
        for place, part in _packed_in(signs, texts, cleared):
            if len(part) < WHOLE:
                lines[place] += "\n" + clue(part)
            else:
                closely.add(place)
    if any(map(contains, lines * len(columns), chain.from_iterable(columns))):
        for column in columns:
            suspects.update(place for place, value in enumerate(column) if value in lines[place])
    for place in closely - suspects:
        if _holds(texts[place], [column[place] for column in columns], partial(_at, days_of_rows, place)):
            suspects.add(place)
    return [place for place in sorted(suspects) if shown[place] and not transactions[place].invented]


def _at(rows: Callable[[], Sequence[frozenset[int]]], place: int) -> frozenset[int]:
    return rows()[place]


def _signs_in(together: str, lines: int) -> tuple[Collection[int], str]:
    """Return the signs in lines, and the lines without UUIDs: these show most signs, but hold hexadecimal at most."""
    if not together.isascii() or together.count("\n") >= lines:
        return (TextSign.ENCODED,), together
    cleared = without_uuids(together) if len(together) > _LONG * lines else together
    signs = signs_in(cleared)
    if TextSign.HASH in signs and cleared is together:
        cleared = without_uuids(together)
        signs = signs if cleared is together else signs_in(cleared)
    return (signs if cleared is together else {TextSign.HEXADECIMAL, *signs}), cleared


def _places_of(signs: Collection[int], cleared: str, days_of_rows: Callable[[], Sequence[frozenset[int]]]) -> set[int]:
    """Return the places of lines that may be a hash, or hold a date that their row has."""
    ends = list(accumulate([len(line) + 1 for line in cleared.split("\n")]))
    found = {bisect_right(ends, run.start()) for run in may_be_hashes(cleared)} if TextSign.HASH in signs else set()
    if TextSign.DATE in signs or TextSign.DATE_NUMBER in signs:
        known = days_of_rows()
        every = frozenset[int]().union(*known)
        dates = dates_in_lines(cleared) if TextSign.DATE in signs else numbers_meaning(cleared, every)
        found |= {place for start, days in dates if not days.isdisjoint(known[place := bisect_right(ends, start)])}
    return found


def _packed_in(signs: Collection[int], texts: Sequence[str], cleared: str) -> Iterator[tuple[int, str]]:
    """Yield the places of the texts that may hold another in hexadecimal or base64, and a part that each may hold."""
    if TextSign.HEXADECIMAL in signs:
        yield from in_hexadecimal(texts)
    if TextSign.BASE64 in signs:
        yield from in_base64(cleared.split("\n"))


def written_plainly(text: str) -> str:
    """Return a text without encodings and accents, so that a clue is found in it."""
    return DecodedText(text).squeezed if ENCODED.search(text) or not text.isascii() else text


def _holds(text: str, clues: Sequence[str], days: Callable[[], frozenset[int]]) -> bool:
    """Tell whether base64 or hexadecimal in a text holds what gives the row's person away."""
    for _, _, found in unpacked(text):
        line = clue(written_plainly(found))
        if any(one in line for one in clues):
            return True
        if any(may_be_hashes(found)) or any(not days().isdisjoint(one) for _, one in dates_in_lines(found)):
            return True
        if _holds(found, clues, days):
            return True
    return False

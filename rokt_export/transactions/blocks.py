"""Turns a block of lines into rows at once, where it can tell of all of them that none needs a second look."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rokt_export.transactions.inspection import Inspector
from rokt_export.transactions.reading import Share

if TYPE_CHECKING:
    from _csv import Reader as CsvReader


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of which none needs a second look.

    Attributes:
        lines: how many lines the block has, blank ones included.
        rows: how many rows, of all partitions.
        numbers: the numbers of the partition's own rows.
        cells: their cells, row by row.
        columns: the same cells, column by column; none where there is no row.
    """

    lines: int
    rows: int
    numbers: range
    cells: Sequence[Sequence[str]]
    columns: Sequence[Sequence[str]]


class BlockReader:
    """Reads blocks of one file, whose columns are decided.

    Args:
        parse: turns lines into rows of cells, as csv does.
        delimiter: what alone divides a line without quotes into cells; None where only `parse` can tell.
        quote: the character that quotes cells; empty = nothing quotes.
        escape: a character that escapes the next one; a block that has it is left to who reads row by row.
        width: how many columns there are.
        first: the name of the first column: a row that repeats it may be a header.
        inspector: knows what damage looks like.
    """

    def __init__(
        self,
        parse: Callable[[Iterable[str]], CsvReader],
        *,
        delimiter: str | None,
        quote: str,
        escape: str | None,
        width: int,
        first: str,
        inspector: Inspector,
    ) -> None:
        self._parse = parse
        self._delimiter = delimiter
        self._quote = quote
        self._escape = escape
        self._width = width
        self._first = first
        self._inspector = inspector

    def read(self, text: str, row: int, share: Share) -> Block | None:
        """Return a partition's rows of a text of whole lines, numbered on from `row`; None where one may be unusual.

        A row of another partition costs no more than its line, unless the text has quotes.
        """
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" in text or (self._escape is not None and self._escape in text):
            return None
        lines = text.split("\n")
        spread = len(lines) - (not lines[-1])
        lines = list(filter(None, lines))
        skipped = (share.index - row - 1) % share.count
        numbers = range(row + 1 + skipped, row + 1 + len(lines), share.count)
        cells = self._cells(text, lines, slice(skipped, None, share.count))
        if cells is None or not set(map(len, cells)) <= {self._width}:
            return None
        columns = list(zip(*cells, strict=True))
        if columns and not self._is_usual(text, cells, columns):
            return None
        return Block(spread, len(lines), numbers, cells, columns)

    def _cells(self, text: str, lines: list[str], own: slice) -> list[list[str]] | None:
        if self._quote and self._quote in text:
            try:
                rows = list(self._parse(lines))
            except csv.Error:
                return None
            return rows[own] if len(rows) == len(lines) else None  # else one is spread over several lines
        if self._delimiter is None:
            return list(self._parse(lines[own]))
        delimiter = self._delimiter
        return [line.split(delimiter) for line in lines[own]]

    def _is_usual(self, text: str, cells: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]) -> bool:
        return (
            self._first not in columns[0]
            and (all(columns[0]) or all(map(any, cells)))
            and self._inspector.finds_nothing(text, columns)
        )

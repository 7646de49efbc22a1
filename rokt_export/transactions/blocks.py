"""Turns a block of lines into rows at once, where it can tell of all of them that none needs a second look."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rokt_export.transactions.damage_checks import Inspector

if TYPE_CHECKING:
    from _csv import Reader as CsvReader


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of which each is a row, as far as can be told without a look at the cells.

    Attributes:
        reader: knows what is unusual.
        spread: how many lines there are, blank ones included.
        lines: those that are rows.
        parsed: the rows' cells, where it took a parser to tell how many rows there are.
    """

    reader: BlockReader
    spread: int
    lines: Sequence[str]
    parsed: Sequence[Sequence[str]] | None = None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def part(self, places: slice) -> Part | None:
        """Return the rows at some places; None where one may be unusual."""
        return self.reader.part(self, places)


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of a block, of which none needs a second look.

    Attributes:
        cells: their cells, row by row.
        columns: the same cells, column by column.
    """

    cells: Sequence[Sequence[str]]
    columns: Sequence[Sequence[str]]


BOM = "\ufeff"
"""The byte order mark: amid a file it may begin the header of another, copied behind this one."""


class BlockReader:
    """Reads blocks of one file, whose columns are decided.

    Args:
        parse: turns lines into rows of cells, as csv does.
        delimiter: what alone divides a line without quotes into cells; None where only `parse` can tell.
        quote: the character that quotes cells; empty = nothing quotes.
        escape: a character that escapes the next one; a block that has it is left to who reads row by row.
        width: how many columns there are.
        names: names of columns.
        named: columns in which such a name tells that a row may be a header.
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
        names: frozenset[str],
        named: Sequence[int],
        inspector: Inspector,
    ) -> None:
        self._parse = parse
        self._delimiter = delimiter
        self._quote = quote
        self._escape = escape
        self._width = width
        self._names = names
        self._named = named
        self._inspector = inspector

    def read(self, text: str) -> Block | None:
        """Return the rows of a text of whole lines; None where it takes a look at each line."""
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" in text or BOM in text or (self._escape is not None and self._escape in text):
            return None
        if not self._inspector.finds_no_text(text):
            return None
        lines = text.split("\n")
        spread = len(lines) - (not lines[-1])
        lines = list(filter(None, lines))
        if not (self._quote and self._quote in text):
            return Block(self, spread, lines)
        try:
            parsed = list(self._parse(lines))
        except csv.Error:
            return None
        if len(parsed) != len(lines):  # one is spread over several
            return None
        return Block(self, spread, lines, parsed)

    def part(self, block: Block, places: slice) -> Part | None:
        """Return the rows at some places of a block; see `Block.part`."""
        cells = self._cells(block, places)
        if not set(map(len, cells)) <= {self._width}:
            return None
        columns = list(zip(*cells, strict=True))
        return Part(cells, columns) if self._is_usual(cells, columns) else None

    def _cells(self, block: Block, places: slice) -> Sequence[Sequence[str]]:
        if block.parsed is not None:
            return block.parsed[places]
        if self._delimiter is None:
            return list(self._parse(block.lines[places]))
        delimiter = self._delimiter
        return [line.split(delimiter) for line in block.lines[places]]

    def _is_usual(self, cells: Sequence[Sequence[str]], columns: Sequence[Sequence[str]]) -> bool:
        return not columns or (
            all(self._names.isdisjoint(columns[at]) for at in self._named)
            and (all(columns[0]) or all(map(any, cells)))
            and self._inspector.finds_nothing(columns)
        )

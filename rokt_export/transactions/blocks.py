"""Reads the rows of a block of lines together, unless one of them needs a check of its own."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Sequence

from msgspec import Struct

from rokt_export.redaction.quick_search import QuickSearch
from rokt_export.transactions.damage_checks import LEFTOVERS, Inspector
from rokt_export.transactions.dialect import CellRows


class Block(Struct, frozen=True):
    """Lines of which each is one row.

    Attributes:
        reader: the reader that checks their cells.
        spread: lines, including blank ones.
        lines: the lines that are not blank.
        parsed: the rows' cells, where lines had to be parsed to count their rows.
        odd: whether a cell may be a word that makes a row odd: to compare each cell would take a tenth of its reading.
    """

    reader: BlockReader
    spread: int
    lines: Sequence[str]
    parsed: Sequence[Sequence[str]] | None = None
    odd: bool = True

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.lines)

    def part(self, places: slice) -> BlockPart | None:
        """Return the rows at some places; None where one of them needs a check of its own."""
        return self.reader.part(self, places)


class BlockPart(Struct, frozen=True):
    """Some rows of a block, none of which needs a check of its own.

    Attributes:
        cells: their cells, row by row.
        columns: the same cells, column by column.
    """

    cells: Sequence[Sequence[str]]
    columns: Sequence[Sequence[str]]


BOM = "\ufeff"
"""The byte order mark. Within a file, it starts the header of a second file that was appended."""


class BlockReader:
    """Reads blocks of one file whose columns are decided.

    Args:
        parse: turns lines into rows of cells, as csv does.
        delimiter: splits a line without quotes into cells; None where only `parse` can split it.
        quote: the character that quotes cells; empty = nothing quotes.
        escape: a character that escapes the next one; a block that holds it is read row by row.
        width: the number of columns.
        extra: empty cells at the end of each row, beyond the columns.
        names: names of columns, types and totals; a row that starts with one may not be a transaction.
        named: 0-based columns in which `names` are looked for.
        inspector: checks cells for damage.
    """

    def __init__(
        self,
        parse: Callable[[Iterable[str]], CellRows],
        *,
        delimiter: str | None,
        quote: str,
        escape: str | None,
        width: int,
        extra: int,
        names: frozenset[str],
        named: Sequence[int],
        inspector: Inspector,
    ) -> None:
        self._parse = parse
        self._delimiter = delimiter
        self._quote = quote
        self._escape = escape
        self._width = width
        self._extra = extra
        self._names = names
        self._named = named
        self._inspector = inspector
        words = "|".join(map(re.escape, sorted(names | LEFTOVERS)))
        around = f"[ {re.escape((delimiter or '') + quote)}]"
        # Between delimiters, quotes or ends of lines; where only `parse` knows them, anywhere.
        self._odd = QuickSearch(f"(?m)(?:^|{around})(?:{words})(?:{around}|$)" if delimiter else words)

    def read(self, text: str) -> Block | None:
        """Return the rows in a text of whole lines; None where the lines must be read one by one."""
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" in text or BOM in text or (self._escape is not None and self._escape in text):
            return None
        if ("\t" in text and self._delimiter != "\t") or text[:1] == "#" or ("#" in text and "\n#" in text):
            return None
        if not self._inspector.text_is_clean(text):
            return None
        odd = self._odd.found_in(text.encode("utf-8", "surrogatepass"))
        lines = text.split("\n")
        spread = len(lines) - (not lines[-1])
        between = self._delimiter or "\t"  # blanks may be a row of empty cells
        lines = [line for line in lines if line and not (line.isspace() and between not in line)]
        if not (self._quote and self._quote in text):
            return Block(self, spread, lines, odd=odd)
        try:
            parsed = list(self._parse(lines))
        except csv.Error:
            return None
        if len(parsed) != len(lines):  # a row spans several lines
            return None
        return Block(self, spread, lines, parsed, odd)

    def part(self, block: Block, places: slice) -> BlockPart | None:
        """Return the rows at some places of a block; see `Block.part`."""
        cells = self._cells(block, places)
        if not set(map(len, cells)) <= {self._width + self._extra}:
            return None
        columns = list(zip(*cells, strict=True))
        if self._extra:
            if any(map(any, columns[self._width :])):
                return None
            columns = columns[: self._width]
        return BlockPart(cells, columns) if self._is_usual(cells, columns, odd=block.odd) else None

    def _cells(self, block: Block, places: slice) -> Sequence[Sequence[str]]:
        if block.parsed is not None:
            return block.parsed[places]
        if self._delimiter is None:
            return list(self._parse(block.lines[places]))
        delimiter = self._delimiter
        return [line.split(delimiter) for line in block.lines[places]]

    def _is_usual(self, cells: Sequence[Sequence[str]], columns: Sequence[Sequence[str]], *, odd: bool) -> bool:
        return not columns or (
            not (odd and any(not self._names.isdisjoint(columns[at]) for at in self._named))
            and (all(columns[0]) or all(row[0] or 2 * sum(map(bool, row)) > self._width for row in cells))
            and self._inspector.columns_are_clean(columns, leftovers=odd)
        )

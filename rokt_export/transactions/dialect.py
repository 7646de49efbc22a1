"""Detects the delimiter of a file from its first lines, and divides lines into cells by it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

DELIMITERS = ",;\t|"
_RARE_DELIMITERS = "^~¦§\x1f\x01"
"""Delimiters that are tried where a header has none of the usual ones."""
_LONG_DELIMITER = re.compile(r"""(?<=[\w"])([|~^:#§¦!*+;]{2,5})(?=[\w"])""")
_STAND_IN = "\ufdd0"
"""Stands for a delimiter of several characters, which csv does not take; Unicode assigns it to no text."""
_EXCEL_HINT = re.compile(r"""\ufeff?"?sep=(?:"?(.)"?)[,;\t| ]*\r?\n?$""", re.IGNORECASE)
_ROWS = 200


def excel_hint(first_line: str) -> str | None:
    """Return the delimiter that Excel's `sep=;` line states; None where the line is no such hint."""
    found = _EXCEL_HINT.match(first_line)
    return found.group(1) if found else None


def detect_delimiter(sample: str, quote: str) -> str:
    """Return the delimiter under which most rows are as wide as the header, a wide header winning; comma if none.

    csv.Sniffer gave up on four of our thirteen hard samples (ragged rows, one column, a cut-off cell) and needs 0.1 s
    on long cells; counting widths was right on all of them.
    """
    header = sample.partition("\n")[0]
    if (long := _long_delimiter(header)) is not None and len(set(_widths(sample, long, quote))) == 1:
        return long
    best, best_score = ",", (False, 0.0, 0)
    for delimiter in DELIMITERS if any(map(header.__contains__, DELIMITERS)) else _RARE_DELIMITERS:
        widths = _widths(sample, delimiter, quote)
        if not widths or widths[0] == 1:
            continue
        score = (True, Counter(widths)[widths[0]] / len(widths), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _long_delimiter(header: str) -> str | None:
    """Return the delimiter of several characters (`||`, `~|~`) that alone divides a header; None if none does."""
    found = set(_LONG_DELIMITER.findall(header))
    if len(found) != 1:
        return None
    long = found.pop()
    rest = header.replace(long, "")
    return None if any(delimiter in rest for delimiter in DELIMITERS) else long


def other_delimiter(header: str) -> str | None:
    """Return the delimiter that a header of one column holds: it was split by the wrong one."""
    return next((delimiter for delimiter in DELIMITERS if delimiter in header.strip(delimiter)), None)


def spaced(header_line: str, delimiter: str) -> bool:
    """Return whether a space follows each delimiter of the header, and so belongs to no cell."""
    return delimiter != " " and 0 < header_line.count(delimiter) == header_line.count(f"{delimiter} ")


class Rows(Protocol):
    """An iterator over rows of cells, as csv's readers are."""

    @property
    def line_num(self) -> int:
        """Lines read so far."""

    def __iter__(self) -> Iterator[list[str]]:
        """Return itself."""

    def __next__(self) -> list[str]:
        """Return the next row."""


class _LongRows:
    """Rows whose delimiter has several characters: csv reads them with one character in its place."""

    def __init__(self, rows: CsvReader, delimiter: str) -> None:
        self._rows = rows
        self._delimiter = delimiter

    @property
    def line_num(self) -> int:
        return self._rows.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        return [cell.replace(_STAND_IN, self._delimiter) for cell in next(self._rows)]


def rows_of(
    lines: Iterable[str],
    delimiter: str,
    quote: str,
    *,
    escape: str | None = None,
    skip_spaces: bool = False,
    strict: bool = False,
) -> Rows:
    """Return a reader of lines; an empty quote means that nothing quotes.

    `strict`: text behind a closing quote, and a quote that is never closed, raise csv.Error.
    """
    is_long = len(delimiter) > 1
    rows = csv.reader(
        (line.replace(delimiter, _STAND_IN) for line in lines) if is_long else lines,
        delimiter=_STAND_IN if is_long else delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape,
        skipinitialspace=skip_spaces,
        strict=strict,
    )
    return _LongRows(rows, delimiter) if is_long else rows


def _widths(sample: str, delimiter: str, quote: str) -> list[int]:
    reader = rows_of(io.StringIO(sample, newline=""), delimiter, quote)
    widths: list[int] = []
    try:
        widths.extend(len(cells) for cells in islice(reader, _ROWS) if cells)
    except csv.Error:
        return widths
    return widths

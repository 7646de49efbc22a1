"""Recognizes rows that are not transactions: headers, types, totals, comments, and rows inside a quoted cell."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import chain

from rokt_export.partner_spec.attributes import canonical, fold

PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[0-9][0-9 ().\-/]{6,}[0-9]")
"""An e-mail address or a telephone number: never the name of a column."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOTALS = _words("total totals grandtotal subtotal sum summe gesamt gesamtsumme somme suma totale totaal sumtotal")
"""First words of a row of totals, folded."""
_TYPES = _words(
    """
    string str text char character varchar varchar2 nvarchar nvarchar2 charactervarying clob int int2 int4 int8 int16
    int32 int64 integer smallint bigint tinyint long short number numeric decimal dec float float4 float8 float32
    float64 double doubleprecision real money bool boolean bit date time datetime datetime2 datetimeoffset timestamp
    timestamptz timestampwithtimezone uuid uniqueidentifier json jsonb binary varbinary blob object array any category
    required optional mandatory nullable notnull primarykey usd eur gbp aud cad percent yyyymmdd timestamp3 timestamp6
    """
)
"""Names of types, as databases and programs write them below a header, and some units; folded."""
_BRACKETED = re.compile(r"[(\[<{][^()\[\]<>{}@]{1,40}[)\]>}]|-{2,}|={2,}|%|[$€£¥]")
_SIZE = re.compile(r"\(\d+(?:\s*,\s*\d+)?\)|\(max\)|\[\]", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:#(?!\w)|//(?!\S*/)|--(?!\d)|/\*)")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")
_FEW_COLUMNS = 3


def is_data(cells: Sequence[str]) -> bool:
    """Return whether cells are values, not names of columns: one is an address or phone number, or most are numbers."""
    numbers = sum(cell.strip().replace(".", "", 1).isdigit() for cell in cells)
    return any(PERSONAL.fullmatch(cell.strip()) for cell in cells) or numbers * 2 > len(cells)


def is_blank(cells: Sequence[str]) -> bool:
    """Return whether cells are those of a blank line: none, or blanks without a delimiter."""
    return not cells or (len(cells) == 1 and cells[0].isspace())


def is_types(cells: Sequence[str]) -> bool:
    """Return whether cells hold types or units of their columns (`varchar(20)`, `(USD)`), or are a ruled line (`---`).

    Two thirds of the filled cells must be known types or units, as a database may have types of its own, and none data.
    """
    filled = [cell.strip() for cell in cells if cell.strip()]
    marked = sum(_BRACKETED.fullmatch(cell) is not None for cell in filled)
    types = marked + sum(fold(_SIZE.sub("", cell)) in _TYPES for cell in filled)
    return 3 * types >= 2 * len(filled) and (types > 1 or marked == 1) and not is_data(filled)


def is_total(cells: Sequence[str]) -> bool:
    """Return whether a row is a total: a cell says so, at least half are empty, and none is an e-mail address."""
    filled = [cell for cell in cells if cell.strip()]
    return (
        len(filled) * 2 <= len(cells)
        and any(fold(cell.partition(":")[0]) in TOTALS for cell in filled)
        and not any(PERSONAL.fullmatch(cell.strip()) for cell in filled if "@" in cell)
    )


def is_comment(cells: Sequence[str], width: int) -> bool:
    """Return whether a row is a comment (`# exported by …`): alone in its row, or of another width than the header."""
    return _COMMENT.match(cells[0]) is not None and (len(cells) != width or width == 1 or not any(cells[1:]))


def names_columns(cells: Sequence[str], columns: Collection[str], attributes: int) -> bool:
    """Return whether a row is a header: most cells name columns or attributes, and none holds data.

    Args:
        cells: the cells of a row.
        columns: the names of the header, folded.
        attributes: how many cells name an attribute.
    """
    filled = [cell for cell in cells if cell.strip()]
    named = max(attributes, sum(fold(cell) in columns for cell in filled))
    return named > 1 and 2 * named > len(filled) and not is_data(filled)


def swallowed(cells: Sequence[str], delimiter: str, *, spaced: bool, names: Sequence[str] = ()) -> int:
    """Return how many lines inside one cell of a row look like rows; 0 if the cell may be text of several lines.

    A stray quote joins lines. They are split again, with the cells before and after the quote. Most of them must have
    as many columns as the row. A comma before a space is not a delimiter, because prose contains it. Prose may look
    like a file of up to three columns; there the cells of a column must also have the same shape (`t2` and `t3`).

    A shorter line is a row too if it starts as the row does (see `_begins_alike`). So is a line that has an e-mail
    address as a cell, inside a column of an attribute that holds none.
    """
    for place, cell in enumerate(cells):
        lines = _LINE_END.split(cell)
        if len(lines) == 1:
            continue
        columns = len(cells)
        if columns == 1:
            return len(lines) - 1 if sum(PERSONAL.fullmatch(line.strip()) is not None for line in lines) > 1 else 0
        divide = re.compile(re.escape(delimiter) + ("" if spaced or delimiter.isspace() else "(?! )"))
        rows = [divide.split(line) for line in lines]
        rows[0] = [*cells[:place], *rows[0]]
        rows[-1] = [*rows[-1], *cells[place + 1 :]]
        if any(_begins_alike(rows[0], row) for row in rows[1:]) or (
            names and _is_not_of_mails(names[place]) and any(map(_is_mail, chain.from_iterable(rows[1:])))
        ):
            return len(lines) - 1
        whole = [row for row in rows if len(row) == columns]
        if len(whole) < 2 or len(whole) * 2 <= len(rows):
            continue
        if columns > _FEW_COLUMNS or _are_alike(whole):
            return len(lines) - 1
    return 0


def _are_alike(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether at least half of the cells have the same shape as those of the first row."""
    first, *others = [[_shape(cell) for cell in row] for row in rows]
    same = sum(one == other for row in others for one, other in zip(first, row, strict=True))
    return 2 * same >= len(first) * len(others)


def _begins_alike(row: Sequence[str], line: Sequence[str]) -> bool:
    """Return whether a line starts with two or more cells of the same kinds as a row, one of which identifies a row.

    Identifying are an e-mail address in the same column, a first cell with the same letters and about as many digits
    (`T2` and `T13`), and one of the same length with both (a UUID). A date is not: each line of a log may have one.
    """
    both = list(zip(row, line, strict=False))
    if len(both) < 2:
        return False
    kinds = [_kind(one) == _kind(other) for one, other in both]
    mails = [_is_mail(one) and _is_mail(other) for one, other in both]
    if any(mail and all(kinds[: max(at, 2)]) for at, mail in enumerate(mails)):
        return True
    first, other = (cell.strip() for cell in both[0])
    if not (all(kinds) and _DIGITS.search(first)) or _DATE.match(first):
        return False
    digits = abs(len(first) - len(other)) <= 1 and _DIGITS.sub("0", first) == _DIGITS.sub("0", other)
    return digits or (len(first) == len(other) > 7 and " " not in first + other)


def _kind(cell: str) -> tuple[bool, bool, bool]:
    return _is_mail(cell), _LETTERS.search(cell) is not None, _DIGITS.search(cell) is not None and not _is_mail(cell)


def _is_mail(cell: str) -> bool:
    return "@" in cell and PERSONAL.fullmatch(cell.strip()) is not None


def _is_not_of_mails(name: str) -> bool:
    """Return whether a name is a known attribute that holds no e-mail address."""
    return (known := canonical(name)) is not None and "email" not in known


def _shape(cell: str) -> str:
    return _DIGITS.sub("0", _LETTERS.sub("a", cell))

"""Reads CSV, TSV and similar files as lines arrive: in blocks if nothing is unusual, else row by row."""

from __future__ import annotations

import csv
import io
import shlex
from bisect import bisect_right
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import dropwhile, islice, repeat
from pathlib import PurePath
from typing import TypeAlias

from rokt_export.errors import TransactionsError
from rokt_export.partner_spec.attributes import ATTRIBUTES, fold
from rokt_export.transactions.blocks import BOM, Block, BlockPart, BlockReader
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnPlan, ColumnsReport
from rokt_export.transactions.damage import Damage, DamageKind
from rokt_export.transactions.damage_checks import NOTHING
from rokt_export.transactions.dialect import CellRows, detect_delimiter, excel_hint, other_delimiter, rows_of, spaced
from rokt_export.transactions.encoding import FileEncoding
from rokt_export.transactions.lines import CUT, HARD_LIMIT, LONG, NON_ASCII, NUL, UNDECODABLE, LineSource
from rokt_export.transactions.reader_base import Context, FilePosition, FirstRows, identity, survey
from rokt_export.transactions.row_shapes import (
    TOTALS,
    is_blank,
    is_comment,
    is_data,
    is_total,
    is_types,
    names_columns,
    swallowed,
)
from rokt_export.transactions.transaction import Transaction, Value

LineFault: TypeAlias = tuple[DamageKind, str, str]
"""Why a row cannot be sent: the kind of damage, its message, and its remedy."""


class DelimitedReader:
    """A delimited file whose header has been read.

    Args:
        stream: the file's plain bytes, from its start.
        sample: its first bytes, at least one whole line if the file has one.
        encoding: how bytes become text.
        context: options, columns and log.

    Raises:
        TransactionsError: there is no usable header, or two of its columns map to one attribute.
    """

    carries_nothing = False

    def __init__(self, stream: io.BufferedReader, sample: bytes, encoding: FileEncoding, context: Context) -> None:
        self._context = context
        options = context.options
        self._skipped = options.skip_lines
        start = sample.decode(encoding.name, "replace")
        start = "".join(io.StringIO(start, newline="").readlines()[options.skip_lines :])
        whole = start[: start.rfind("\n") + 1] or start
        first, _, rest = whole.partition("\n")
        hint = excel_hint(first)
        filled = "".join(dropwhile(str.isspace, io.StringIO(whole, newline="")))
        delimiter = options.delimiter or hint or detect_delimiter(filled, options.quote)
        self._source = LineSource(stream, encoding, options.max_row, newline="")
        csv.field_size_limit(HARD_LIMIT)
        lines = iter(self._source)
        self._before = sum(1 for _ in islice(lines, options.skip_lines + (hint is not None)))
        self._source.noted = 0
        self._delimiter = delimiter
        self._spaced = spaced((rest if hint else filled).partition("\n")[0], delimiter)
        self._reader = self._parse(lines)
        self._header: list[str] = [] if options.header is None else list(options.header)
        try:
            if options.header is None:
                self._header = self._without_blank_end(self._read_header(delimiter), whole)
            self._plan = self._decide(self._header)
        except TransactionsError as error:
            if (found := self._likely_header(whole)) is not None:
                error.remedy = found
            raise
        if options.header is None and (found := self._better_header(whole)) is not None:
            raise TransactionsError(
                "the first line names fewer of the spec's attributes than a later one does",
                where=context.path,
                remedy=found,
            )
        self._inspector = context.inspector(self._plan)
        self._check = self._check_single if len(self._plan.names) == 1 else self._inspector.check
        self._names = frozenset((self._header[0], *_SPELLINGS))
        self._mail = self._plan.names.index("email") if "email" in self._plan.names else 0
        first_rows = self._rows_in_sample(whole)
        self._extra = self._extra_cells(first_rows)
        self._first_row = 0
        self._moved = False
        self._check_first = not first_rows or is_types(first_rows[0])
        self._blocks = self._block_reader()

    @property
    def columns(self) -> ColumnsReport:
        """What became of the columns."""
        return self._plan.report

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns in the file."""
        return self._plan.columns

    @property
    def divisible(self) -> bool:
        """Whether other readers can continue at places of the file."""
        return self._source.divisible and self._context.breaks is None

    @property
    def taken(self) -> int:
        """Bytes read so far; those of up to one block are ahead of the rows."""
        return self._source.taken

    def place(self) -> FilePosition | None:
        """Return the place behind the last row of `survey`; None where it is not known, which another one soon is."""
        if (start := self._source.place()) is None:
            return None
        return FilePosition(start, self._before + self._reader.line_num, self._source.encoding, self._extra)

    def move_to(self, place: FilePosition, stream: io.BufferedReader) -> None:
        """Continue at a place of the file, from which `stream` reads, with what was known there."""
        self._source.close()
        self._source = LineSource(stream, place.encoding, self._context.options.max_row, newline="")
        self._reader = self._parse(iter(self._source))
        self._before = place.lines
        self._extra = place.extra
        self._moved, self._check_first = True, False
        self._blocks = self._block_reader()

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end.
        """
        self._start(row)
        while text := self._next_text(row):
            row = yield from self._rows_in(text, row, share)
        return row

    def survey(self, row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read, and how many of them are problems; see `RowReader`."""
        self._start(row)
        while text := self._next_text(row):
            block = None if first.lacks else self._block(text, row)  # the first rows one by one: each has its place
            if block is not None and block.part(slice(None)) is not None:
                row = self._past(block, row)
                yield block.rows, 0
            else:
                row = yield from survey(self._one_by_one(text, row, ALL), row, first)
        return row

    def _rows_in(self, text: str, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows in a text of whole lines; return the number of the last row in it."""
        block = self._block(text, row)
        if block is None:
            return (yield from self._one_by_one(text, row, share))
        for own in share.among(row + 1, row + block.rows):
            part = block.part(slice(own.start - row - 1, own.stop - row - 1))
            if part is None:
                return (yield from self._one_by_one(text, row, share, own.start))
            yield from self._made(own, part)
        return self._past(block, row)

    def _past(self, block: Block, row: int) -> int:
        self._before += block.spread
        return row + block.rows

    def _next_text(self, row: int) -> str:
        try:
            return self._source.block()
        except OSError as error:
            raise self._context.cut_off(error, row) from error

    def _parse(self, lines: Iterable[str]) -> CellRows:
        options = self._context.options
        return rows_of(
            lines, self._delimiter, options.quote, escape=options.escape, skip_spaces=self._spaced, strict=True
        )

    def _block_reader(self) -> BlockReader | None:
        """Return a reader of blocks; None for a file of one column, whose cells are checked one by one."""
        width, options = len(self._plan.names), self._context.options
        if width == 1:
            return None
        return BlockReader(
            self._parse,
            delimiter=None if self._spaced else self._delimiter,
            quote=options.quote,
            escape=options.escape,
            width=width,
            extra=self._extra,
            names=self._names,
            named=(0, self._mail),
            inspector=self._inspector,
        )

    def _start(self, row: int) -> None:
        """Note the number of the file's first row, the only one that may hold the columns' types."""
        self._first_row = 0 if self._moved else row + 1

    def _block(self, text: str, row: int) -> Block | None:
        is_first = self._check_first and row < self._first_row
        if self._blocks is None or is_first or not self._source.is_plain(text):
            return None
        return self._blocks.read(text)

    def _is_blank(self, cells: Sequence[str]) -> bool:
        return is_blank(cells) or (self._spaced and list(cells) == [""])  # csv has left out the blanks of a line

    def _rows_in_sample(self, sample: str) -> list[list[str]]:
        """Return the rows of the sample below the header; none for a live input."""
        below = io.StringIO(sample, newline="").readlines()[self._before + self._reader.line_num - self._skipped :]
        rows: list[list[str]] = []
        with suppress(csv.Error):
            rows.extend(cells for cells in islice(self._parse(below), _SAMPLED) if not self._is_blank(cells))
        return rows

    def _without_blank_end(self, header: list[str], sample: str) -> list[str]:
        """Return the header without the nameless columns at its end that none of the first rows has."""
        named = len(header)
        while named and not header[named - 1].strip():
            named -= 1
        if named in (0, len(header)) or {len(cells) for cells in self._rows_in_sample(sample)} != {named}:
            return header
        message = "the header ends in a delimiter and its rows do not; the nameless column is left out"
        self._context.damage(DamageKind.CLEANED, message, NOTHING)
        return header[:named]

    def _extra_cells(self, rows: Sequence[Sequence[str]]) -> int:
        """Return how many empty cells end each row beyond the header's width: some exports end rows in a delimiter.

        A comma in a name shifts cells too. Then a cell starts with a space, or the column of e-mail addresses holds no
        address; such rows stay ragged.
        """
        width = len(self._plan.names)
        extra = {len(cells) - width for cells in rows}
        if len(extra) != 1 or (found := extra.pop()) < 1 or any(any(cells[width:]) for cells in rows):
            return 0
        mails = [cells[self._mail] for cells in rows] if "email" in self._plan.names else []
        if any(mail and "@" not in mail for mail in mails) or any(cell[:1] == " " for cells in rows for cell in cells):
            return 0
        message = "each row ends in a delimiter and the header does not; the empty cell behind it is left out"
        self._context.damage(DamageKind.CLEANED, message, NOTHING)
        return found

    def _without_extra(self, cells: list[str], row: int) -> list[str]:
        """Return a row without the empty cells beyond its columns."""
        width = len(self._plan.names)
        if row == self._first_row and self._check_first and not self._extra:
            self._extra = self._extra_cells([cells])
            self._blocks = self._block_reader()
        allowed = len(cells) if self._context.breaks is not None else width + self._extra
        return cells[:width] if width < len(cells) == allowed and not any(cells[width:]) else cells

    def _line(self) -> int:
        """Return the current line of the file; for a workbook, the row of the sheet."""
        line = self._before + self._reader.line_num
        return line if self._context.breaks is None else line - bisect_right(self._context.breaks, line)

    def _made(self, numbers: range, part: BlockPart) -> Iterator[Transaction]:
        names = self._plan.names
        values = list(map(dict, map(zip, repeat(names), part.cells)))
        ids: Iterable[str] = ()
        if "transactionid" in names:
            ids = list(map(str.strip, part.columns[names.index("transactionid")]))
        if not ids or not all(ids):
            ids = map(identity, values, numbers)
        return map(Transaction, numbers, ids, values, repeat(self._context.options.invented))

    def _one_by_one(self, text: str, row: int, share: Share, since: int = 0) -> Generator[Transaction, None, int]:
        """Yield a share's rows in a text from row `since` on, each checked by itself; return the number of the last
        row.
        """
        width, names, mail = len(self._plan.names), self._names, self._mail
        reader, source, check = self._reader, self._source, self._check
        first = self._first_row if self._check_first else 0
        source.give_back(text)
        ended = reader.line_num
        while source.ready:
            try:
                for cells in reader:
                    began, ended = ended, reader.line_num
                    if not self._is_blank(cells):
                        row += 1
                        noted, source.noted = source.noted, 0
                        if row < since or not share.has(row):
                            pass
                        elif (
                            len(cells) != width or noted or ended - began > 1 or row == first
                            or cells[0] in names or cells[mail] in names or cells[0][:1] in _ODD_STARTS
                        ):  # fmt: skip
                            yield self._unusual(cells, row, began, noted)
                        else:
                            values: dict[str, Value] = dict(zip(self._plan.names, cells, strict=False))
                            check(values, row, self._line())
                            yield self._context.made(values, row, self._inspector.refused())
                    if not source.ready:
                        break
            except csv.Error as error:
                began, ended = ended, reader.line_num
                row += 1
                if row >= since and share.has(row):
                    yield self._misquoted(error, row, began)
                source.noted = 0
            except OSError as error:
                raise self._context.cut_off(error, row) from error
        return row

    def _check_single(self, values: dict[str, Value], row: int, line: int | None) -> None:
        """Log the damage of a row's only cell; it may contain several cells, separated by another delimiter."""
        self._inspector.check(values, row, line)
        cell = values[self._plan.names[0]]
        if isinstance(cell, str) and (other := other_delimiter(cell)) is not None and cell.count(other) > 1:
            message = f"the only column contains {_shown(other)} several times"
            self._inspector.refuse(self._plan.names[0], message)
            self._context.damage(
                DamageKind.WRONG_DELIMITER, message, f"Try {_shown(other)} as --delimiter.", row=row, line=line
            )

    def _unusual(self, cells: list[str], row: int, began: int, noted: int) -> Transaction:
        """Return a row that needs further checks: it may be damaged, or only not ASCII or of several lines."""
        line = self._line()
        cells = self._without_extra(cells, row)
        if (fault := self._fault(cells, row, noted, began)) is not None:
            return self._context.problem(row, *fault, line)
        values: dict[str, Value] = dict(zip(self._plan.names, cells, strict=True))
        self._check(values, row, line)
        if noted & NON_ASCII:
            self._inspector.check_text(values)
        return self._context.made(values, row, self._inspector.refused())

    def _fault(self, cells: Sequence[str], row: int, noted: int, began: int) -> LineFault | None:
        """Return why a row is not a transaction; None if it is one."""
        return self._unreadable(cells, noted, began) or self._misshapen(cells, began) or self._other_line(cells, row)

    def _unreadable(self, cells: Sequence[str], noted: int, began: int) -> LineFault | None:
        lines = self._reader.line_num - began
        size = sum(map(len, cells))
        if noted & CUT or ((noted & LONG or lines > 1) and size > self._context.options.max_row):
            written = f"over {HARD_LIMIT:,}" if noted & CUT else f"{size:,}"
            spread = f" over {lines:,} lines" if lines > 1 else ""
            return DamageKind.OVERSIZE, f"a row of {written} characters{spread}", _OVERSIZE_REMEDY
        if noted & NUL:
            return DamageKind.NUL, "the row contains NUL bytes", "The file was cut or overwritten; export it again."
        if noted & UNDECODABLE:
            return (
                DamageKind.UNDECODABLE,
                "the row contains bytes that are not valid in this encoding",
                _ENCODING_REMEDY,
            )
        return None

    def _misshapen(self, cells: Sequence[str], began: int) -> LineFault | None:
        names = self._plan.names
        if is_comment(cells, len(names)):
            return DamageKind.MALFORMED, "the row is a comment, not a transaction", "Delete the line."
        if len(cells) != len(names):
            return DamageKind.RAGGED, self._ragged(cells, began), self._remedy_for_ragged(cells)
        if self._reader.line_num - began == 1 or self._context.breaks is not None:
            return None
        if inside := swallowed(cells, self._delimiter, spaced=self._spaced, names=names):
            return DamageKind.QUOTING, self._swallowed(inside, began), "Remove the stray quote, or double it."
        return None

    def _other_line(self, cells: Sequence[str], row: int) -> LineFault | None:
        """Return what a row is if not a transaction (blank, header, total, types); else None."""
        if not any(cells):
            return DamageKind.BLANK_ROW, "every cell is empty", "Delete the row, or export only the rows in use."
        first = cells[0]
        if first[:1] == BOM:  # csv does not recognize a quote after it
            first = first[1:].strip(self._context.options.quote)
        if [first, *cells[1:]] == self._header:
            return DamageKind.MALFORMED, "the row repeats the header", "Join files without their headers."
        if self._is_header(cells):
            return DamageKind.MALFORMED, "the row contains names of columns, not values", _NAMES_REMEDY
        if is_total(cells):
            return DamageKind.MALFORMED, "the row is a total of other rows, not a transaction", "Delete the row."
        if row == self._first_row and is_types(cells):
            return DamageKind.MALFORMED, "the row contains the columns' types or units, not values", "Delete the row."
        return None

    def _is_header(self, cells: Sequence[str]) -> bool:
        if self._names.isdisjoint((cells[0], cells[self._mail])):
            return False
        attributes = sum(bool(self._context.mapper.meant([cell])) for cell in cells if cell.strip())
        return names_columns(cells, set(map(fold, self._header)), attributes)

    def _swallowed(self, inside: int, began: int) -> str:
        """Return the message for rows inside a cell, with the lines of its quotes."""
        what = "a line that looks like a row is" if inside == 1 else f"{inside:,} lines that look like rows are"
        return (
            f"{what} inside one cell: a quote opens in line {self._before + began + 1} of {self._context.path} "
            f"and closes in line {self._before + self._reader.line_num}"
        )

    def _ragged(self, cells: Sequence[str], began: int) -> str:
        width, last = len(self._plan.names), self._before + self._reader.line_num
        found = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {width}"
        if self._reader.line_num - began > 1:
            return f"{found}; {self._lines(self._before + began + 1, last)} became one row"
        joined = len(cells) + sum(cell.count(self._delimiter) for cell in cells) == width
        return f"{found}: a stray quote joins columns" if joined else found

    def _lines(self, first: int, last: int) -> str:
        """Name lines of the file, without its folder: a partner may read it."""
        return f"lines {first} to {last} of {PurePath(self._context.path).name}"

    def _remedy_for_ragged(self, cells: Sequence[str]) -> str:
        if len(cells) < len(self._plan.names):
            return "Add the cells that are missing; a line that is not a row, such as a title, does not belong there."
        if not any(cells[len(self._plan.names) :]):
            return "Remove the empty cells at its end, or name their columns in the header."
        return "Quote cells that contain the delimiter or a line break."

    def _misquoted(self, error: csv.Error, row: int, began: int) -> Transaction:
        line, lines = self._line(), self._reader.line_num - began
        opened = self._before + began + 1
        reason = {"unexpected end of data": "a quote is opened and never closed"}.get(str(error), str(error))
        is_open = reason.endswith("never closed") or "field larger" in reason
        if "field larger" in reason:
            reason = f"a cell of over {HARD_LIMIT:,} characters; a quote is opened and not closed"
        if lines > 1:
            reason += f"; {self._lines(opened, line)} became one row"
        remedy = "Double each quote within a quoted cell."
        return self._context.problem(row, DamageKind.QUOTING, reason, remedy, opened if is_open else line)

    def _read_header(self, delimiter: str) -> list[str]:
        path = self._context.path
        try:
            header = next((cells for cells in self._reader if not self._is_blank(cells)), [])
        except csv.Error as error:
            raise TransactionsError(
                f"the header cannot be read: {error}",
                where=f"{path}:{self._line()}",
                remedy="Line 1 must name the columns.",
            ) from error
        except OSError as error:
            raise self._context.cut_off(error, 0) from error
        where = f"{path}:{self._line()}"
        noted, self._source.noted = self._source.noted, 0
        if header and not any(cell.strip() for cell in header):
            raise TransactionsError("the header is empty", where=where, remedy="Line 1 must name the columns.")
        if noted & (NUL | CUT | LONG):
            raise TransactionsError("the header is not text", where=where, remedy="Export the file again as CSV.")
        if len(header) == 1 and (other := other_delimiter(header[0])) is not None:
            whole = other == delimiter
            raise TransactionsError(
                "each line is quoted as a whole, which makes it one column"
                if whole
                else f"the header is one column with the delimiter {_shown(delimiter)}, and contains {_shown(other)}",
                where=where,
                remedy="Export the file without quotes around whole lines."
                if whole
                else f"Try --delimiter {'tab' if other == chr(9) else shlex.quote(other)}.",
            )
        if noted & UNDECODABLE:
            raise TransactionsError("the header is not valid in this encoding", where=where, remedy=_ENCODING_REMEDY)
        _refuse_data(header, where)
        self._header = header
        return header

    def _likely_header(self, text: str) -> str | None:
        """Return a remedy if a later line looks like the header, by the spec's attributes in it; else None."""
        options = self._context.options
        lines = io.StringIO(text, newline="").readlines()[:_TITLES]
        best, most = 0, 0
        for at in range(1, len(lines)):
            delimiter = options.delimiter or detect_delimiter("".join(lines[at:]), options.quote)
            with suppress(csv.Error):
                cells = next(rows_of([lines[at]], delimiter, options.quote), [])
                carried = len((options.sent or frozenset()) & self._context.mapper.meant(cells))
                best, most = (at, carried) if carried > most else (best, most)
        return self._skipping(best) if best else None

    def _better_header(self, text: str) -> str | None:
        """Return a remedy if one of the next lines names all attributes of the header and more; else None.

        A title may contain a cell that happens to be an attribute's name (`Email,November 2026`).
        """
        mapper, sent = self._context.mapper, self._context.options.sent
        if not sent:
            return None
        here = mapper.meant(self._header)
        for at, line in enumerate(io.StringIO(text, newline="").readlines()[1:_FIRST_LINES], start=1):
            with suppress(csv.Error):
                cells = next(rows_of([line], self._delimiter, self._context.options.quote), [])
                found = mapper.meant(cells)
                if len(found & sent) >= len(here & sent) and len(found) > len(here) and not is_data(cells):
                    return self._skipping(at)
        return None

    def _skipping(self, lines: int) -> str:
        skip = self._context.options.skip_lines + lines
        return f"Line {skip + 1} looks like the header: `--skip-lines {skip}`."

    def _decide(self, header: Sequence[str]) -> ColumnPlan:
        context = self._context
        plan = context.mapper.plan(header, context.path)
        if not header and context.options.skip_lines:
            raise TransactionsError(
                "there is no line left for a header", where=context.path, remedy="Give --skip-lines a smaller number."
            )
        if not context.carries(plan.names):
            raise context.nothing_carried(plan)
        line = self._line() or None
        for position, name in enumerate(header, start=1):
            if not name.strip():
                context.damage(DamageKind.EMPTY_HEADER, f"column {position} has no name", _NAMELESS_REMEDY, line=line)
        for name in plan.duplicates:
            message = "the header has this column more than once"
            damage = Damage(DamageKind.DUPLICATE_HEADER, None, name, context.path, line, message, "Rename one of them.")
            context.log.add(damage)
        return plan


_SAMPLED = 200
"""Rows of the sample that are checked for a delimiter at their end."""
_ODD_STARTS = frozenset(("", "#", BOM))
"""First characters of a row that may be a total, a comment, or the header of a file that was appended."""
_TITLES = 50
"""Lines searched for the header if the first line is not one."""
_FIRST_LINES = 10
"""Lines searched for a better header if the first line may be one."""
_SPELLINGS = frozenset(
    spelling
    for attribute in ATTRIBUTES.values()
    for name in (attribute.name, *attribute.aliases)
    for spelling in (name, name.upper(), name.capitalize())
).union(*((word, word.upper(), word.capitalize(), f"{word.capitalize()}:") for word in (*TOTALS, "Grand Total")))
"""First cells, or e-mail cells, of rows that may be a header or a total, besides the names in the file's header."""
_NAMELESS_REMEDY = "Name it, or delete it; a merged cell names only its first column."
_NAMES_REMEDY = "If this is the header, skip the lines before it with --skip-lines."
_OVERSIZE_REMEDY = "Look for a quote that is not closed, or remove the large cell."
_ENCODING_REMEDY = "Give the file's encoding (cp1252 is common), or export it as UTF-8."


def _refuse_data(header: Sequence[str], where: str) -> None:
    """Refuse a first line that holds data: as a header it would be lost, and no column would have a name."""
    if is_data(header):
        raise TransactionsError(
            "the first line contains data where the column names should be",
            where=where,
            remedy="Put a line with the columns' names first, or give them: --header a,b,c.",
        )


def _shown(delimiter: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}.get(delimiter, f"“{delimiter}”")

"""Turns CSV, TSV and their kin into transactions as lines arrive: by the block where all is well, else row by row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice, repeat
from typing import TYPE_CHECKING

from rokt_export.errors import TransactionsError
from rokt_export.partner_spec.attributes import ATTRIBUTES, canonical, fold
from rokt_export.transactions.blocks import BOM, Block, BlockReader, Part
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnPlan, ColumnsReport
from rokt_export.transactions.damage import Damage, DamageKind
from rokt_export.transactions.dialect import detect_delimiter, excel_hint, other_delimiter, rows_of, spaced
from rokt_export.transactions.encoding import Encoding
from rokt_export.transactions.lines import CUT, HARD_LIMIT, LONG, NON_ASCII, NUL, UNDECODABLE, LineSource
from rokt_export.transactions.reader_base import Context, identity, survey
from rokt_export.transactions.transaction import Transaction, Value

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

_PERSONAL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[0-9][0-9 ().\-/]{6,}[0-9]")
"""An e-mail address or a telephone number: no column is called so."""


class DelimitedReader:
    """A delimited file whose header has been read.

    Args:
        stream: the file's plain bytes, from its start.
        sample: its first bytes, with at least one whole line where it has one.
        encoding: how bytes become text.
        context: options, columns and log.

    Raises:
        TransactionsError: there is no header, or it cannot be one, or two of its columns name one attribute.
    """

    barren = False

    def __init__(self, stream: io.BufferedReader, sample: bytes, encoding: Encoding, context: Context) -> None:
        self._context = context
        options = context.options
        start = sample.decode(encoding.name, "replace")
        start = "".join(io.StringIO(start, newline="").readlines()[options.skip_lines :])
        whole = start[: start.rfind("\n") + 1] or start
        first, _, rest = whole.partition("\n")
        hint = excel_hint(first)
        delimiter = options.delimiter or hint or detect_delimiter(whole, options.quote)
        self._source = LineSource(stream, encoding, options.max_row, newline="")
        csv.field_size_limit(HARD_LIMIT)
        lines = iter(self._source)
        self._before = sum(1 for _ in islice(lines, options.skip_lines + (hint is not None)))
        self._source.noted = 0
        self._delimiter = delimiter
        self._spaced = spaced(rest.partition("\n")[0] if hint else first, delimiter)
        self._reader = self._parse(lines)
        self._header: list[str] = [] if options.header is None else list(options.header)
        try:
            self._plan = self._decide(self._header or self._read_header(delimiter))
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
        self._look = self._look_at_single if len(self._plan.names) == 1 else self._inspector.look
        self._names = frozenset((self._header[0], *_SPELLINGS))
        self._mail = self._plan.names.index("email") if "email" in self._plan.names else 0
        self._blocks = self._block_reader()

    @property
    def columns(self) -> ColumnsReport:
        """What became of the columns."""
        return self._plan.report

    @property
    def header(self) -> tuple[str, ...]:
        """The columns' names as they stand in the file."""
        return self._plan.columns

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end.
        """
        while text := self._next_text(row):
            row = yield from self._rows_in(text, row, share)
        return row

    def survey(self, row: int) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read further, and how many of them are problems; see `RowReader`."""
        while text := self._next_text(row):
            block = self._block(text)
            if block is not None and block.part(slice(None)) is not None:
                row = self._past(block, row)
                yield block.rows, 0
            else:
                row = yield from survey(self._one_by_one(text, row, ALL), row)
        return row

    def _rows_in(self, text: str, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows of some lines; return the number of the last row in them."""
        block = self._block(text)
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

    def _parse(self, lines: Iterable[str]) -> CsvReader:
        options = self._context.options
        return rows_of(
            lines, self._delimiter, options.quote, escape=options.escape, skip_spaces=self._spaced, strict=True
        )

    def _block_reader(self) -> BlockReader | None:
        """Return what reads blocks; None for a file of one column, whose cells are looked at one by one."""
        width, options = len(self._plan.names), self._context.options
        if width == 1:
            return None
        return BlockReader(
            self._parse,
            delimiter=None if self._spaced else self._delimiter,
            quote=options.quote,
            escape=options.escape,
            width=width,
            names=self._names,
            named=(0, self._mail),
            inspector=self._inspector,
        )

    def _block(self, text: str) -> Block | None:
        return None if self._blocks is None or not self._source.is_plain(text) else self._blocks.read(text)

    def _made(self, numbers: range, part: Part) -> Iterator[Transaction]:
        names = self._plan.names
        values = list(map(dict, map(zip, repeat(names), part.cells)))
        ids: Iterable[str] = ()
        if "transactionid" in names:
            ids = list(map(str.strip, part.columns[names.index("transactionid")]))
        if not ids or not all(ids):
            ids = map(identity, values, numbers)
        return map(Transaction, numbers, ids, values, repeat(self._context.options.invented))

    def _one_by_one(self, text: str, row: int, share: Share, since: int = 0) -> Generator[Transaction, None, int]:
        """Yield a share's rows that begin in some lines, from row `since` on, each looked at by itself.

        It returns the number of the last row.
        """
        width, names, mail = len(self._plan.names), self._names, self._mail
        reader, source, look = self._reader, self._source, self._look
        source.give_back(text)
        ended = reader.line_num
        while source.ready:
            try:
                for cells in reader:
                    began, ended = ended, reader.line_num
                    if cells:
                        row += 1
                        noted, source.noted = source.noted, 0
                        if row < since or not share.has(row):
                            pass
                        elif (
                            len(cells) != width or noted or ended - began > 1 or not any(cells)
                            or cells[0] in names or cells[mail] in names or cells[0][:1] == BOM
                        ):  # fmt: skip
                            yield self._unusual(cells, row, began, noted)
                        else:
                            values = dict(zip(self._plan.names, cells, strict=False))
                            look(values, row, self._before + ended)
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

    def _look_at_single(self, values: Mapping[str, Value], row: int, line: int | None) -> None:
        """Report the cell of a file of one column that looks like several, and what else is wrong with it."""
        self._inspector.look(values, row, line)
        cell = values[self._plan.names[0]]
        if isinstance(cell, str) and (other := other_delimiter(cell)) is not None and cell.count(other) > 1:
            message = f"the only column holds {_shown(other)} several times"
            self._inspector.refuse(self._plan.names[0], row, line, message)
            self._context.damage(
                DamageKind.WRONG_DELIMITER, message, f"Say that {_shown(other)} is the delimiter.", row=row, line=line
            )

    def _unusual(self, cells: list[str], row: int, began: int, noted: int) -> Transaction:
        """Return a row that needs a second look: damaged, or merely not ASCII or of several lines."""
        line = self._before + self._reader.line_num
        if (fault := self._fault(cells, noted, began)) is not None:
            return self._context.problem(row, *fault, line)
        values = dict(zip(self._plan.names, cells, strict=True))
        self._look(values, row, line)
        if noted & NON_ASCII:
            self._inspector.look_at_text(values, row, line)
        return self._context.made(values, row, self._inspector.refused())

    def _fault(self, cells: Sequence[str], noted: int, began: int) -> tuple[DamageKind, str, str] | None:
        """Return why a row cannot be a transaction: what happened, in words, and what to do; None if it can."""
        limit = self._context.options.max_row
        lines = self._reader.line_num - began
        if noted & CUT or ((noted & LONG or lines > 1) and sum(map(len, cells)) > limit):
            size = f"over {HARD_LIMIT:,}" if noted & CUT else f"{sum(map(len, cells)):,}"
            spread = f" over {lines:,} lines" if lines > 1 else ""
            return DamageKind.OVERSIZE, f"a row of {size} characters{spread}", _OVERSIZE_REMEDY
        if noted & NUL:
            return DamageKind.NUL, "the row holds NUL bytes", "The file was cut or overwritten; export it again."
        if noted & UNDECODABLE:
            return DamageKind.UNDECODABLE, "the row holds bytes that are no text in this encoding", _ENCODING_REMEDY
        if len(cells) != len(self._plan.names):
            return DamageKind.RAGGED, self._ragged(cells, began), self._remedy_for_ragged(cells)
        if lines > 1 and (inside := swallowed(cells, self._delimiter, spaced=self._spaced, names=self._plan.names)):
            return DamageKind.QUOTING, self._swallowed(inside, began), "Remove the stray quote, or double it."
        if not any(cells):
            return DamageKind.BLANK_ROW, "every cell is empty", "Delete the row, or export only the rows in use."
        first = cells[0]
        if first[:1] == BOM:  # csv takes no quote behind it for one
            first = first[1:].strip(self._context.options.quote)
        if [first, *cells[1:]] == self._header:
            return DamageKind.MALFORMED, "the row repeats the header", "Join files without their headers."
        if self._names_columns(cells):
            return DamageKind.MALFORMED, "the row holds names of columns, not values", _NAMES_REMEDY
        return None

    def _names_columns(self, cells: Sequence[str]) -> bool:
        """Return whether a row is a header: most of its cells name attributes or columns, and none holds data."""
        if self._names.isdisjoint((cells[0], cells[self._mail])):
            return False
        filled = [cell for cell in cells if cell.strip()]
        columns = set(map(fold, self._header))
        named = sum(fold(cell) in columns or bool(self._context.mapper.meant([cell])) for cell in filled)
        return named > 1 and 2 * named > len(filled) and not _is_data(filled)

    def _swallowed(self, inside: int, began: int) -> str:
        """Return in words that rows are inside a cell, and where its quotes are."""
        what = "a line that looks like a row is" if inside == 1 else f"{inside:,} lines that look like rows are"
        return (
            f"{what} inside one cell: a quote opens in line {self._before + began + 1} of {self._context.path} "
            f"and closes in line {self._before + self._reader.line_num}"
        )

    def _ragged(self, cells: Sequence[str], began: int) -> str:
        width, last = len(self._plan.names), self._before + self._reader.line_num
        found = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} where the header has {width}"
        if self._reader.line_num - began > 1:
            return f"{found}; lines {self._before + began + 1} to {last} of {self._context.path} became one row"
        joined = len(cells) + sum(cell.count(self._delimiter) for cell in cells) == width
        return f"{found}: a stray quote joins columns" if joined else found

    def _remedy_for_ragged(self, cells: Sequence[str]) -> str:
        if len(cells) < len(self._plan.names):
            return "Add the cells that are missing; a line that is no row, such as a title, does not belong there."
        if not any(cells[len(self._plan.names) :]):
            return "Take the empty cells at its end away, or name their columns in the header."
        return "Quote cells that hold the delimiter or a line break."

    def _misquoted(self, error: csv.Error, row: int, began: int) -> Transaction:
        line = self._before + self._reader.line_num
        lines = self._reader.line_num - began
        reason = {"unexpected end of data": "a quote is opened and never closed"}.get(str(error), str(error))
        if "field larger" in reason:
            reason = f"a cell of over {HARD_LIMIT:,} characters; a quote is opened and not closed"
        if lines > 1:
            reason += f"; lines {self._before + began + 1} to {line} of {self._context.path} became one row"
        return self._context.problem(row, DamageKind.QUOTING, reason, "Double each quote within a quoted cell.", line)

    def _read_header(self, delimiter: str) -> list[str]:
        path = self._context.path
        try:
            header = next((cells for cells in self._reader if cells), [])
        except csv.Error as error:
            raise TransactionsError(
                f"the header cannot be read: {error}",
                where=f"{path}:{self._before + self._reader.line_num}",
                remedy="Line 1 must name the columns.",
            ) from error
        except OSError as error:
            raise self._context.cut_off(error, 0) from error
        where = f"{path}:{self._before + self._reader.line_num}"
        noted, self._source.noted = self._source.noted, 0
        if header and not any(cell.strip() for cell in header):
            raise TransactionsError("the header is empty", where=where, remedy="Line 1 must name the columns.")
        if noted & (NUL | CUT | LONG):
            raise TransactionsError(
                "the header is no line of text", where=where, remedy="Export the file again as CSV."
            )
        if len(header) == 1 and (other := other_delimiter(header[0])) is not None:
            whole = other == delimiter
            raise TransactionsError(
                "each line is quoted as a whole, and is one column so"
                if whole
                else f"the header is one column by the delimiter {_shown(delimiter)}, and holds {_shown(other)}",
                where=where,
                remedy="Export the file without quotes around whole lines."
                if whole
                else f"Say that {_shown(other)} is the delimiter.",
            )
        if noted & UNDECODABLE:
            raise TransactionsError("the header is no text in this encoding", where=where, remedy=_ENCODING_REMEDY)
        _refuse_data(header, where)
        self._header = header
        return header

    def _likely_header(self, text: str) -> str | None:
        """Return what to do where a line behind the first looks like the header: most names that the spec sends."""
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
        """Return what to do where one of the next lines names all that the header does, and more; None if none does.

        A title may have a cell that happens to be an attribute's name (`Email,November 2026`).
        """
        mapper, sent = self._context.mapper, self._context.options.sent
        if not sent:
            return None
        here = mapper.meant(self._header)
        for at, line in enumerate(io.StringIO(text, newline="").readlines()[1:_FIRST_LINES], start=1):
            with suppress(csv.Error):
                cells = next(rows_of([line], self._delimiter, self._context.options.quote), [])
                found = mapper.meant(cells)
                if len(found & sent) >= len(here & sent) and len(found) > len(here) and not _is_data(cells):
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
        line = self._before + self._reader.line_num or None
        for position, name in enumerate(header, start=1):
            if not name.strip():
                context.damage(
                    DamageKind.EMPTY_HEADER, f"column {position} has no name", "Name it, or delete it.", line=line
                )
        for name in plan.duplicates:
            message = "the header has this column more than once"
            damage = Damage(DamageKind.DUPLICATE_HEADER, None, name, context.path, line, message, "Rename one of them.")
            context.log.add(damage)
        return plan


def swallowed(cells: Sequence[str], delimiter: str, *, spaced: bool, names: Sequence[str] = ()) -> int:
    """Return how many lines that look like rows are in one cell of a row; 0 where it may be a text of several lines.

    The lines that a stray quote joined are put together again, with the cells before and behind it. Most of them must
    have as many columns as the row. A comma before a space divides no columns: prose has it. In a file of up to three
    columns, which prose may have by chance, the cells of one column must also be of one shape (`t2` and `t3`).

    A shorter line is a row too, if it begins as the row does (see `_begins_alike`). So is a line with an e-mail address
    for a cell, inside a column that Rokt knows to hold something else.
    """
    for place, cell in enumerate(cells):
        lines = _LINE_END.split(cell)
        if len(lines) == 1:
            continue
        columns = len(cells)
        if columns == 1:
            return len(lines) - 1 if sum(_PERSONAL.fullmatch(line.strip()) is not None for line in lines) > 1 else 0
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
    """Return whether at least half of the cells have the shape of the first row's."""
    first, *others = [[_shape(cell) for cell in row] for row in rows]
    same = sum(one == other for row in others for one, other in zip(first, row, strict=True))
    return 2 * same >= len(first) * len(others)


def _begins_alike(row: Sequence[str], line: Sequence[str]) -> bool:
    """Return whether a line begins with two cells or more of the same kinds as a row, of which one identifies it.

    That is an e-mail address in the same column, or a first cell with the same letters and about as many digits
    (`T2` and `T13`), or as long a mixture (a UUID). A date identifies nothing: a log has one in each line.
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
    return "@" in cell and _PERSONAL.fullmatch(cell.strip()) is not None


def _is_not_of_mails(name: str) -> bool:
    """Return whether Rokt knows an attribute, and no e-mail address belongs in it."""
    return (known := canonical(name)) is not None and "email" not in known


def _shape(cell: str) -> str:
    return _DIGITS.sub("0", _LETTERS.sub("a", cell))


_LINE_END = re.compile(r"\r\n|\r|\n")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}")
_FEW_COLUMNS = 3
_TITLES = 50
"""Lines in which the header is looked for, where the first is none."""
_FIRST_LINES = 10
"""Lines in which a better header is looked for, where the first may be one."""
_SPELLINGS = frozenset(
    spelling
    for attribute in ATTRIBUTES.values()
    for name in (attribute.name, *attribute.aliases)
    for spelling in (name, name.upper(), name.capitalize())
)
"""What the first cell of a header, or the one of its e-mail addresses, may be besides the names that a file has."""
_NAMES_REMEDY = "If this is the header, pass over the lines before it with --skip-lines."
_OVERSIZE_REMEDY = "Look for a quote that is not closed, or take the big cell out."
_ENCODING_REMEDY = "Say how the file is encoded (cp1252 is common), or export it as UTF-8."


def _refuse_data(header: Sequence[str], where: str) -> None:
    """Refuse a first line that is a row: it would be lost as a header, and every row would miss its names."""
    if _is_data(header):
        raise TransactionsError(
            "the first line holds data where the column names should stand",
            where=where,
            remedy="Put a line with the columns' names first.",
        )


def _is_data(cells: Sequence[str]) -> bool:
    """Return whether cells are values rather than names of columns: one is personal, or most are numbers."""
    numbers = sum(cell.strip().replace(".", "", 1).isdigit() for cell in cells)
    return any(_PERSONAL.fullmatch(cell.strip()) for cell in cells) or numbers * 2 > len(cells)


def _shown(delimiter: str) -> str:
    return {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}.get(delimiter, f"“{delimiter}”")

"""Converts a sheet of an Excel workbook to CSV text; docs/decisions/0096-excel-workbooks.md gives the reasons.

A cell becomes the text that Excel shows, with all its digits: dates in ISO 8601, `12.5%`, `TRUE`, `#N/A`, and leading
zeros if the cell's format adds them.
"""

from __future__ import annotations

import csv
import datetime
import io
import posixpath
import re
import zipfile
import zlib
from array import array
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import islice
from typing import IO, Any, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser, fromstring

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.spec_language.paths import local_name
from rokt_export.transactions.compression import BrokenArchive
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.reader_base import Context
from rokt_export.transactions.remote_storage import is_remote, open_remote

_CHUNK = 1 << 14
_MOST_TEXT = 512 << 20
"""Maximum bytes of a workbook's shared texts, which are kept in memory while a sheet is read."""
_LAST_ROW = 1 << 20
_AT_ONCE = 100
"""Rows that are written at once."""
_OTHER_ARCHIVES = (
    (re.compile(r"xl/workbook\.bin"), "a binary Excel workbook (.xlsb)", "In Excel, save it as .xlsx."),
    (re.compile(r".*\.iwa"), "a Numbers document", "In Numbers, choose File > Export To > Excel or CSV."),
    (re.compile(r"word/document\.xml"), "a Word document", "Ask for the rows as .xlsx or CSV."),
    (re.compile(r"content\.xml"), "an OpenDocument file (.ods)", "In LibreOffice, save it as .xlsx or CSV."),
)
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, ParseError, LookupError, ValueError, OverflowError, StopIteration,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""What reading a damaged workbook raises."""
_LITERAL = re.compile(r'"[^"]*"|\\.|[_*].|\[(?![hms]+\])[^\]]*\]', re.IGNORECASE)
_PADDED = re.compile(r"[(]?0[0()\- /]*")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BREAK = re.compile(r"\r\n|\r|\n")
_ROOT = re.compile(rb"<[A-Za-z_]")
_HOLDS_VALUE = re.compile(rb"<(?:\w+:)?(?:v|is)[ />]")
_SHOWN_TOO_WIDE = "########"
_BUILT_IN = {
    **dict.fromkeys((9, 10), "0%"),
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), *range(34, 37), 50, 51, 52, 53, 54, 57, 58), "yyyy-mm-dd"),
    22: "yyyy-mm-dd hh:mm",
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47, 55, 56), "hh:mm:ss"),
    46: "[h]:mm:ss",
}
"""The built-in number formats (ECMA-376, 18.8.30) that change the text of a value."""

ShowCell = Callable[[str], str]
"""Converts a stored number to the text that a cell shows."""


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    visible: bool


class SheetText:
    """A byte stream of a sheet's CSV text in UTF-8: one line per row, unless a cell contains line breaks.

    Args:
        context: the workbook's path, the options (sheet, rows to skip), and the log.

    Attributes:
        breaks: lines of the text on which a cell of the line before continues.

    Raises:
        TransactionsError: the file is not a workbook, or several of its sheets have values.
        UsageError: there is no sheet of the given name.
    """

    def __init__(self, context: Context) -> None:
        self.breaks: array[int] = array("L")
        self._context = context
        self._archive = _opened(context.path)
        try:
            sheets, self._strings, styles = _parts(self._archive)
            self._stream: IO[bytes] = self._archive.open(_chosen(self._archive, sheets, context).part)
            self._rows = _rows(self._stream, self._strings, styles, context)
        except _BROKEN as error:
            self._archive.close()
            raise _no_workbook(context.path) from error
        except (TransactionsError, UsageError):
            self._archive.close()
            raise
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text)
        self._ready = b""
        self._row = 0
        self._width = 0
        self._ended = False

    def read1(self, size: int = -1, /) -> bytes:
        """Return some bytes of the text; `b""` at its end.

        Raises:
            BrokenArchive: the workbook cannot be read further.
        """
        while not self._ready and not self._ended:
            self._read_on()
        taken = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(taken) :]
        return taken

    def close(self) -> None:
        """Release the file and its texts."""
        self._stream.close()
        self._archive.close()
        self._strings.close()

    def _read_on(self) -> None:
        try:
            for number, cells in islice(self._rows, _AT_ONCE):
                self._write(number, cells)
        except _BROKEN as error:
            # Other errors quote what they cannot read, perhaps a cell.
            is_plain = isinstance(error, zipfile.BadZipFile | ParseError)
            reason = f": {error}" if is_plain else ", or it was not written by Excel or a compatible program"
            raise BrokenArchive(f"the Excel workbook is broken{reason}") from error
        self._ready = self._text.getvalue().encode()
        self._ended = not self._ready
        self._text.seek(0)
        self._text.truncate()

    def _write(self, number: int, cells: list[str]) -> None:
        if not self._row < number <= _LAST_ROW:
            raise zipfile.BadZipFile(f"row {number} follows row {self._row}")
        while cells and not cells[-1]:
            cells.pop()
        is_skipped = number <= self._context.options.skip_lines or not cells
        self._text.write("\r\n" * (number - self._row - 1 + is_skipped))
        self._row = number
        if is_skipped:
            return
        self._width = max(self._width, len(cells))
        cells.extend([""] * (self._width - len(cells)))
        self._writer.writerow(cells)
        if more := sum(len(_BREAK.findall(cell)) for cell in cells if "\n" in cell or "\r" in cell):
            line = number + len(self.breaks)
            self.breaks.extend(range(line + 1, line + more + 1))


def _pieces(stream: IO[bytes], wanted: Collection[str]) -> Iterator[tuple[str, Element]]:
    """Yield (name, element) for the elements of these names, as soon as each has ended; other elements are dropped.

    Raises:
        BadZipFile: the XML declares a document type, whose entities could expand without limit.
    """
    parser: XMLPullParser[Any] = XMLPullParser(("start", "end"))
    names: dict[str, str] = {}
    around: list[Element] = []
    chunk = _without_doctype(stream.read(_CHUNK))
    is_open = True
    while is_open:
        if chunk:
            parser.feed(chunk)
        else:  # releases what the parser has held back
            parser.close()
            is_open = False
        for event, element in cast("Iterator[tuple[str, Element]]", parser.read_events()):
            if event == "start":
                around.append(element)
                continue
            around.pop()
            name = names.get(element.tag) or names.setdefault(element.tag, local_name(element.tag))
            if name in wanted:
                yield name, element
                if around:
                    around[-1].remove(element)
        chunk = stream.read(_CHUNK)


def _without_doctype(start: bytes) -> bytes:
    prolog = _ROOT.split(start.replace(b"\0", b""), maxsplit=1)[0]
    if b"<!DOCTYPE" in prolog:
        raise zipfile.BadZipFile("it declares a document type")
    return start


def _rows(
    stream: IO[bytes], strings: _Strings, styles: Sequence[ShowCell], context: Context
) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of the rows of a sheet; hidden rows and columns are logged."""
    number = 0
    for name, element in _pieces(stream, ("row", "col")):
        is_hidden = element.get("hidden") in ("1", "true")
        if name == "col":
            first, last = int(element.get("min", 0)), int(element.get("max", 0))
            if is_hidden and last - first < 1_000:  # a longer range is the empty rest of a sheet
                _log_hidden(context, f"column {first}" if first == last else f"each column from {first} to {last}")
            continue
        number = int(element.get("r") or number + 1)
        if is_hidden:
            _log_hidden(context, "a row", number)
        cells: list[str] = []
        for cell in element:
            if not len(cell):
                continue
            place = cell.get("r")
            gap = (_column_of(place.rstrip("0123456789")) if place else len(cells) + 1) - len(cells) - 1
            if gap:
                if gap < 0:
                    raise zipfile.BadZipFile("two cells have one place")
                cells.extend([""] * gap)
            cells.append(_shown(cell, strings, styles))
        yield number, cells


def _log_hidden(context: Context, what: str, row: int | None = None) -> None:
    message = f"{what} of the sheet is hidden; it is read like the others"
    context.damage(DamageKind.HIDDEN, message, "Unhide it, and delete what should not be sent.", line=row)


@lru_cache(maxsize=1 << 14)
def _column_of(letters: str) -> int:
    """Return the 1-based column that letters name (`AB`)."""
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    if not (letters.isascii() and letters.isupper() and column <= 1 << 14):
        raise zipfile.BadZipFile(f"{letters} is not a column")
    return column


def _shown(cell: Element, strings: _Strings, styles: Sequence[ShowCell]) -> str:
    """Return the text that a cell shows."""
    value, formula = "", None
    for part in cell:
        tag = part.tag
        if tag.endswith("}v"):
            value = part.text or ""
        elif tag.endswith("}f"):
            formula = part.text or "…"
        elif tag.endswith("}is"):
            return _text_of(part)
    match cell.get("t", "n"):
        case "s":
            return strings[int(value)]
        case "str":
            return _unescaped(value)
        case "b":
            return "TRUE" if value == "1" else "FALSE"
        case "n" if value:
            return styles[int(cell.get("s", 0))](value)
        case _:
            # The program that wrote the formula did not compute its value.
            return f"={formula}" if not value and formula else value


def _text_of(element: Element) -> str:
    """Return a text that may consist of several formatted runs, without phonetic hints."""
    parts = [each for each in element if local_name(each.tag) != "rPh"]
    return _unescaped("".join(each.text or "" for part in parts for each in part.iter() if local_name(each.tag) == "t"))


class _Strings:
    """The shared texts of a workbook's cells, read on demand and kept as one byte string."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._rest = iter(()) if stream is None else _pieces(stream, ("si",))
        self._ends = array("I", [0])
        self._packed = bytearray()

    def __getitem__(self, index: int) -> str:
        while index + 1 >= len(self._ends):
            _, element = next(self._rest, (None, None))
            if element is None or len(self._packed) > _MOST_TEXT:
                raise KeyError(f"shared text {index}")
            self._packed += _text_of(element).encode()
            self._ends.append(len(self._packed))
        return self._packed[self._ends[index] : self._ends[index + 1]].decode()

    def close(self) -> None:
        """Release the texts."""
        self._packed.clear()
        del self._ends[:]


def _elements(archive: zipfile.ZipFile, part: str) -> list[tuple[str, dict[str, str]]]:
    """Return (name, attributes) of all elements of a small part, without namespaces."""
    with archive.open(part) as stream:
        root = fromstring(_without_doctype(stream.read(_MOST_TEXT)))
    return [
        (local_name(each.tag), {local_name(key): value for key, value in each.attrib.items()}) for each in root.iter()
    ]


def _related(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Return id to (kind, path) of the parts that a part refers to."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    return {
        each["Id"]: (
            each["Type"].rpartition("/")[2],
            posixpath.normpath(posixpath.join("/", folder, each["Target"])).lstrip("/"),
        )
        for tag, each in _elements(archive, rels)
        if tag == "Relationship" and each.get("TargetMode") != "External"
    }


def _opened(path: str) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(open_remote(path) if is_remote(path) else path)
    except _BROKEN as error:
        raise _no_workbook(path) from error
    names = archive.namelist()
    if "[Content_Types].xml" in names and any(name.startswith("xl/") and name.endswith(".xml") for name in names):
        return archive
    archive.close()
    for pattern, what, remedy in _OTHER_ARCHIVES:
        if any(map(pattern.fullmatch, names)):
            raise TransactionsError(f"this is {what}, which is not read", where=path, remedy=remedy)
    inside = f": {', '.join(names[:3])}" if names else ""
    raise TransactionsError(
        "this is a zip archive, not a file of rows", where=path, remedy=f"Unpack it, and name the file in it{inside}."
    )


def _no_workbook(path: str) -> TransactionsError:
    return TransactionsError(
        "this Excel workbook, or zip archive, is incomplete",
        where=path,
        remedy="Fetch the file again; it may have been cut off.",
    )


def _parts(archive: zipfile.ZipFile) -> tuple[list[_Sheet], _Strings, list[ShowCell]]:
    """Return a workbook's worksheets, its shared texts, and how each style shows a number."""
    workbook = next(path for kind, path in _related(archive, "").values() if kind == "officeDocument")
    related = _related(archive, workbook)
    sheets: list[_Sheet] = []
    epoch_1904 = False
    for tag, each in _elements(archive, workbook):
        if tag == "workbookPr":
            epoch_1904 = each.get("date1904") in ("1", "true")
        elif tag == "sheet" and related[each["id"]][0] == "worksheet":
            sheets.append(_Sheet(each["name"], related[each["id"]][1], each.get("state", "visible") == "visible"))
    by_kind = dict(related.values())
    strings, styles = by_kind.get("sharedStrings"), by_kind.get("styles")
    if not sheets:
        raise KeyError("no sheet")
    return (
        sheets,
        _Strings(archive.open(strings) if strings is not None else None),
        _number_formats(_elements(archive, styles), epoch_1904=epoch_1904) if styles is not None else [_number],
    )


def _chosen(archive: zipfile.ZipFile, sheets: Sequence[_Sheet], context: Context) -> _Sheet:
    """Return the requested sheet, else the only visible one with a value."""
    wanted, path = context.options.sheet, context.path
    if wanted is not None:
        for sheet in sheets:
            if sheet.name.casefold().strip() == wanted.casefold().strip():
                return sheet
        listed = ", ".join(sheet.name for sheet in sheets)
        raise UsageError(f"{path} has no sheet “{wanted}”", where="--sheet", remedy=f"Its sheets: {listed}.")
    visible = [sheet for sheet in sheets if sheet.visible]
    for sheet in sheets:
        if not sheet.visible and _holds_values(archive, sheet):
            message, remedy = (
                (f"the sheet “{sheet.name}” is hidden, and is not read", "Name it with --sheet to read it.")
                if visible
                else (f"the sheet “{sheet.name}” is hidden, as all sheets are", "Unhide the one to send.")
            )
            context.damage(DamageKind.HIDDEN, message, remedy)
    visible = visible or list(sheets)
    filled = visible if len(visible) == 1 else [sheet for sheet in visible if _holds_values(archive, sheet)]
    if len(filled) > 1:
        listed = ", ".join(f"“{sheet.name}”" for sheet in filled)
        raise TransactionsError(
            f"the workbook has {len(filled)} sheets that contain values: {listed}",
            where=path,
            remedy=f"Name the one that contains the transactions: --sheet '{filled[0].name}'.",
        )
    return (filled or visible)[0]


def _holds_values(archive: zipfile.ZipFile, sheet: _Sheet) -> bool:
    with archive.open(sheet.part) as stream:
        before = b""
        while chunk := stream.read(_CHUNK):
            if _HOLDS_VALUE.search(before + chunk):
                return True
            before = chunk[-64:]
    return False


def _number_formats(elements: Sequence[tuple[str, dict[str, str]]], *, epoch_1904: bool) -> list[ShowCell]:
    """Return how the cells of each style show a number."""
    codes = dict(_BUILT_IN)
    formats: list[ShowCell] = []
    in_cell_styles = False
    for tag, each in elements:
        if tag == "numFmt":
            codes[int(each["numFmtId"])] = each["formatCode"]
        elif tag in ("cellXfs", "cellStyleXfs", "cellStyles", "dxfs"):
            in_cell_styles = tag == "cellXfs"
        elif tag == "xf" and in_cell_styles:
            formats.append(_shown_by(codes.get(int(each.get("numFmtId", 0)), "General"), epoch_1904=epoch_1904))
    return formats


def _shown_by(code: str, *, epoch_1904: bool) -> ShowCell:
    """Return how a number format shows a number; signs and decimals are ignored."""
    section = code.partition(";")[0]
    bare = _LITERAL.sub("", section)
    letters = set("general" if bare.lower() == "general" else bare.lower())
    if letters & set("dyhs") or "m" in letters:
        has_day = bool(letters & set("dy")) or not letters & set("hs")
        has_time = bool(letters & set("hs"))
        return lambda text: _date(text, has_day=has_day, has_time=has_time, epoch_1904=epoch_1904)
    if "%" in bare:
        return _percent
    padded = section.replace("\\", "").replace('"', "")
    if _PADDED.fullmatch(padded) and padded.count("0") > 1:
        return lambda text: _zero_padded(text, padded)
    return _number


def _number(text: str) -> str:
    """Return a stored number as plain digits.

    Excel keeps 15 digits. A longer number has been rounded; it is written as an exponent, so that it is reported.
    """
    if len(text) < 16 and text.isascii() and text.isdigit():
        return text
    try:
        value = float(text)
        if abs(value) >= 1e15:
            return f"{value:.14E}"
        return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
    except (ValueError, OverflowError):
        return text


def _percent(text: str) -> str:
    try:
        shown = format(Decimal(repr(float(text))) * 100, "f")
    except (ValueError, InvalidOperation):
        return text
    return f"{shown.rstrip('0').rstrip('.') if '.' in shown else shown}%"


def _zero_padded(text: str, template: str) -> str:
    """Return a number padded with the zeros of a format (`00000`, `000-00-0000`)."""
    digits = _number(text)
    if not digits.isdigit():
        return digits
    digits = digits.zfill(template.count("0"))
    more = len(digits) - template.count("0")
    rest = iter(digits[more:])
    return digits[:more] + "".join(next(rest) if character == "0" else character for character in template)


def _date(text: str, *, has_day: bool, has_time: bool, epoch_1904: bool) -> str:
    """Return a stored day number in ISO 8601, with the parts that its format shows.

    Day 60, 29 February 1900, does not exist; earlier days count from one day later (ECMA-376, 18.17.4.1).
    """
    try:
        milliseconds = round(float(text) * 86_400_000)
    except (ValueError, OverflowError):
        return text
    days, rest = divmod(milliseconds, 86_400_000)
    seconds, thousandths = divmod(rest, 1_000)
    fraction = f".{thousandths:03}" if thousandths else ""
    if milliseconds < 0:
        return _SHOWN_TOO_WIDE
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
    if not has_day and days < 32:  # a time, or a duration of several days
        return f"{days * 24 + seconds // 3600:02}{clock[2:]}"
    if days in (0, 60) and not epoch_1904:
        day = "1900-01-00" if days == 0 else "1900-02-29"
    else:
        start = datetime.date(1904, 1, 1) if epoch_1904 else datetime.date(1899, 12, 30 if days > 60 else 31)
        try:
            day = (start + datetime.timedelta(days)).isoformat()
        except OverflowError:
            return _SHOWN_TOO_WIDE
    return f"{day}T{clock}" if has_time else day


def _unescaped(text: str) -> str:
    """Return a text with the escapes of characters that XML cannot contain (`_x000D_`) resolved."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text

"""Opens a path with the reader of its format, which is given or detected from suffix and first bytes."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import assert_never

from rokt_export.errors import RoktExportError, TransactionsError, UsageError
from rokt_export.transactions.compression import ByteStream, PrefixedRaw, open_bytes, read_ahead
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.delimited import DelimitedReader
from rokt_export.transactions.encoding import FileEncoding, detect_encoding, given_encoding
from rokt_export.transactions.files import STDIN, is_stream, open_span
from rokt_export.transactions.json_files import JsonReader, NdjsonReader
from rokt_export.transactions.json_values import DECODER
from rokt_export.transactions.parquet import ParquetReader
from rokt_export.transactions.reader_base import Context, FilePosition, RowReader
from rokt_export.transactions.source_options import InputFormat

_SAMPLE = 1 << 16
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_SUFFIXES = {
    ".ndjson": InputFormat.NDJSON,
    ".jsonl": InputFormat.NDJSON,
    ".parquet": InputFormat.PARQUET,
    ".pq": InputFormat.PARQUET,
}
_PARQUET_MAGIC = b"PAR1"
_SHEET_ENCODING = FileEncoding("utf-8", "surrogateescape")


def open_reader(context: Context) -> RowReader | None:
    """Return a reader of a file whose header has been read and whose columns are decided; None for an empty file.

    For stdin and pipes, it waits only for the first whole line.

    Raises:
        TransactionsError: the file does not hold rows, or cannot be read.
        UsageError: an option does not fit the file's format.
    """
    path = context.path
    stream: io.BufferedReader = open_bytes(path, context.options.digests)
    with _closing_on_error(stream, context):
        sample = _sample(stream, context.options.skip_lines, live=is_stream(path))
        if context.options.format is InputFormat.PARQUET or sample.startswith(_PARQUET_MAGIC):
            return _parquet(context, stream)
        if _is_workbook(sample, path):
            return _sheet(context, stream)
        if context.options.sheet is not None:
            raise UsageError(f"{path} has no sheets", where="--sheet", remedy="Leave --sheet out.")
        if not _without_mark(sample).strip(b" \t\r\n\x0b\x0c\x1a"):
            stream.close()
            context.damage(DamageKind.NO_ROWS, "the file is empty", "Export it again.")
            return None
        return _text_reader(context, _rewound(sample, stream), sample, _encoding(sample, context))


def open_part(context: Context, place: FilePosition, end: int | None) -> RowReader:
    """Return a reader of the rows from a place of a plain file of text up to `end` bytes of it; None = to its end.

    What is decided by the file's first lines is decided by them here too; the damage found there is logged only for the
    part at the file's start. Besides its part, it reads only those lines.

    Raises:
        TransactionsError, UsageError: as `open_reader`.
    """
    path, skipped = context.path, context.options.skip_lines
    with open_span(path, 0, None, _SAMPLE) as head, _closing_on_error(head, context):
        sample = _sample(head, skipped, live=False)
        if place.start == 0:
            return _text_reader(context, open_span(path, 0, end), sample, _tell_guess(place.encoding, context))
        with context.log.ignoring():
            reader = _text_reader(context, _rewound(sample, head), sample, place.encoding)
        assert isinstance(reader, DelimitedReader | NdjsonReader)  # no other has such a place
        name = place.encoding.name.removesuffix("-sig")  # within a file, a byte order mark is text
        place = replace(place, encoding=replace(place.encoding, name=name))
        reader.move_to(place, open_span(path, place.start, end))
        return reader


@contextmanager
def _closing_on_error(stream: io.BufferedReader, context: Context) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        stream.close()
        raise context.cut_off(error, 0) from error
    except RoktExportError:
        stream.close()
        raise


def _text_reader(context: Context, stream: io.BufferedReader, sample: bytes, encoding: FileEncoding) -> RowReader:
    context = replace(context, guessed=encoding.guessed)
    form = _format(sample, encoding, context)
    if form is not InputFormat.CSV:
        _refuse_header(context)
    match form:
        case InputFormat.CSV:
            return DelimitedReader(stream, sample, encoding, context)
        case InputFormat.NDJSON:
            return NdjsonReader(stream, encoding, context)
        case InputFormat.JSON:
            return JsonReader(stream, encoding, context)
        case InputFormat.PARQUET:  # only by its name: a Parquet file begins with its mark, and is read by `_parquet`
            raise TransactionsError(
                "this is not a Parquet file, though its name says so",
                where=context.path,
                remedy="Export it again as Parquet, or give the file the suffix of what it contains, such as .csv.",
            )
        case _:
            assert_never(form)


def _sample(stream: ByteStream, skipped: int, *, live: bool) -> bytes:
    """Return the first 64 KB of a file; of a live input, all up to its first line that is not skipped or blank."""
    taken = b""
    if not live:
        while (chunk := read_ahead(stream, _SAMPLE)) and (taken := taken + chunk).count(b"\n") < skipped:
            pass
        return taken + (read_ahead(stream, _SAMPLE) if skipped else b"")
    while taken.lstrip().count(b"\n") <= skipped and len(taken) < _SAMPLE and (chunk := stream.read1(_SAMPLE)):
        taken += chunk
    return taken


def _without_mark(sample: bytes) -> bytes:
    """Return the first bytes without a byte order mark, and UTF-16 without its NUL bytes."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return sample[2:].replace(b"\0", b"")
    return sample.removeprefix(codecs.BOM_UTF8)


def _rewound(sample: bytes, rest: ByteStream) -> io.BufferedReader:
    return io.BufferedReader(PrefixedRaw(sample, rest), _SAMPLE)


def _parquet(context: Context, stream: io.BufferedReader) -> ParquetReader:
    stream.close()
    _refuse_stream(context, "Parquet file", ".parquet")
    _refuse_header(context)
    return ParquetReader(context)


def _sheet(context: Context, stream: io.BufferedReader) -> RowReader | None:
    """Return a reader of a workbook's sheet, which is read as a delimited file; None for an empty sheet."""
    stream.close()
    _refuse_stream(context, "Excel workbook", ".xlsx")
    from rokt_export.transactions.workbook import SheetText

    text = SheetText(context)
    try:
        sample = read_ahead(text, _SAMPLE)
        if not sample.strip():
            text.close()
            context.damage(DamageKind.NO_ROWS, "the sheet is empty", "Save the workbook again, with its rows.")
            return None
        options = replace(context.options, delimiter=",", quote='"', escape=None, skip_lines=0)
        context = replace(context, options=options, breaks=text.breaks)
        return DelimitedReader(_rewound(sample, text), sample, _SHEET_ENCODING, context)
    except BaseException:
        text.close()
        raise


def _is_workbook(sample: bytes, path: str) -> bool:
    """Return whether a file is a zip archive, as workbooks are.

    Raises:
        TransactionsError: it is an old workbook (.xls), or one with a password.
    """
    if sample.startswith(b"\xd0\xcf\x11\xe0"):
        locked = Path(path).suffix.lower() in (".xlsx", ".xlsm") or "EncryptedPackage".encode("utf-16-le") in sample
        raise TransactionsError(
            "this Excel workbook has a password" if locked else "this is an old Excel workbook (.xls)",
            where=path,
            remedy="In Excel, save it without one." if locked else "In Excel, save it as .xlsx.",
        )
    return sample.startswith(b"PK\x03\x04")


def _refuse_stream(context: Context, what: str, suffix: str) -> None:
    if is_stream(context.path) or Path(context.path).suffix.lower() in _PACKED:
        raise TransactionsError(
            f"this {what} is not a plain file, and it is read from its end",
            where="stdin" if context.path == STDIN else context.path,
            remedy=f"Save it unpacked, and name the {suffix} file.",
        )


def _refuse_header(context: Context) -> None:
    if context.options.header is not None:
        raise UsageError(
            f"{context.path} has the names of the values in each row", where="--header", remedy="Leave --header out."
        )


def _encoding(sample: bytes, context: Context) -> FileEncoding:
    if context.options.encoding is not None:
        return given_encoding(context.options.encoding, sample)
    if is_stream(context.path):
        encoding = detect_encoding(sample, None, context.path)
    elif len(sample) < _SAMPLE:  # the sample is the whole file
        encoding = detect_encoding(sample, io.BytesIO(), context.path)
    else:
        with open_bytes(context.path) as again:
            again.read(len(sample))
            encoding = detect_encoding(sample, again, context.path)
    return _tell_guess(encoding, context)


def _tell_guess(encoding: FileEncoding, context: Context) -> FileEncoding:
    if encoding.guessed:
        context.damage(
            DamageKind.ENCODING_GUESSED,
            f"the file is not UTF-8, and its encoding is not stated; it is read as {encoding.name}",
            f"If names with accents are right, confirm it by --encoding {encoding.name}; a guarded environment refuses "
            "their rows otherwise. If they are wrong, give another: cp1250 (Central Europe), cp1252.",
        )
    return encoding


def _format(sample: bytes, encoding: FileEncoding, context: Context) -> InputFormat:
    """Return the format of a text: the given one, else by its first characters, else by the suffix."""
    given = context.options.format
    if given is not None:
        return given
    name = Path(context.path)
    if context.options.skip_lines:
        return InputFormat.CSV
    suffix = Path(name.stem).suffix.lower() if name.suffix.lower() in _PACKED else name.suffix.lower()
    text = sample.decode(encoding.name, "replace").lstrip()
    if text.startswith("[") and (suffix == ".json" or text[1:].lstrip()[:1] in ("{", "]", "")):
        return InputFormat.JSON
    if text.startswith("{"):
        return InputFormat.NDJSON if suffix in _SUFFIXES or _is_object(text) else InputFormat.JSON
    if suffix == ".json":
        return InputFormat.JSON
    return _SUFFIXES.get(suffix, InputFormat.CSV)


def _is_object(text: str) -> bool:
    """Return whether the first line is a complete object, or too long to tell."""
    line, newline, _ = text.partition("\n")
    if not newline and len(text) >= _SAMPLE // 2:
        return True
    try:
        return isinstance(DECODER.decode(line), dict)
    except (ValueError, RecursionError):
        return False

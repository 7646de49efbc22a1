"""Turns a path into the reader that fits what the file holds, by the given format, its suffix and its first bytes."""

from __future__ import annotations

import codecs
import io
from dataclasses import replace
from pathlib import Path

from rokt_export.errors import TransactionsError
from rokt_export.transactions.compression import ByteStream, PrefixedRaw, open_bytes, read_ahead
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.delimited import DelimitedReader
from rokt_export.transactions.encoding import Encoding, detect_encoding, told_encoding
from rokt_export.transactions.files import is_stream
from rokt_export.transactions.json_files import JsonReader, NdjsonReader
from rokt_export.transactions.json_values import DECODER
from rokt_export.transactions.parquet import ParquetReader
from rokt_export.transactions.reader_base import Context, RowReader
from rokt_export.transactions.source_options import Format

_SAMPLE = 1 << 16
_PACKED = (".gz", ".bz2", ".xz", ".zst")
_SUFFIXES = {".ndjson": Format.NDJSON, ".jsonl": Format.NDJSON, ".parquet": Format.PARQUET, ".pq": Format.PARQUET}
_PARQUET_MAGIC = b"PAR1"


def open_reader(context: Context) -> RowReader | None:
    """Return an opened reader for a file, its header read and its columns decided; None for a file with no text in it.

    For stdin and pipes this waits for the first whole line, and for no more.

    Raises:
        TransactionsError: the file cannot be read as rows.
    """
    path = context.path
    stream: io.BufferedReader = open_bytes(path)
    try:
        sample = _sample(stream, context.options.skip_lines, live=is_stream(path))
        if context.options.format is Format.PARQUET or sample.startswith(_PARQUET_MAGIC):
            return _parquet(context, stream)
        if not _without_mark(sample).strip():
            stream.close()
            context.damage(DamageKind.NO_ROWS, "the file is empty", "Export it again.")
            return None
        encoding = _encoding(sample, context)
        context = replace(context, guessed=encoding.guessed)
        whole = _rewound(sample, stream)
        match _format(sample, encoding, context):
            case Format.NDJSON:
                return NdjsonReader(whole, encoding, context)
            case Format.JSON:
                return JsonReader(whole, encoding, context)
            case _:
                return DelimitedReader(whole, sample, encoding, context)
    except OSError as error:
        stream.close()
        raise context.cut_off(error, 0) from error
    except TransactionsError:
        stream.close()
        raise


def _sample(stream: ByteStream, skipped: int, *, live: bool) -> bytes:
    """Return the first bytes: 64 KB of a file; of a live input, what came with its first line that is not blank.

    Lines that are skipped come before those.
    """
    taken = b""
    if not live:
        while (chunk := read_ahead(stream, _SAMPLE)) and (taken := taken + chunk).count(b"\n") < skipped:
            pass
        return taken + (read_ahead(stream, _SAMPLE) if skipped else b"")
    while taken.lstrip().count(b"\n") <= skipped and len(taken) < _SAMPLE and (chunk := stream.read1(_SAMPLE)):
        taken += chunk
    return taken


def _without_mark(sample: bytes) -> bytes:
    """Return the first bytes without a byte order mark, and of UTF-16 without what fills its characters up."""
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return sample[2:].replace(b"\0", b"")
    return sample.removeprefix(codecs.BOM_UTF8)


def _rewound(sample: bytes, rest: ByteStream) -> io.BufferedReader:
    return io.BufferedReader(PrefixedRaw(sample, rest), _SAMPLE)


def _parquet(context: Context, stream: io.BufferedReader) -> ParquetReader:
    packed = Path(context.path).suffix.lower() in _PACKED
    stream.close()
    if is_stream(context.path) or packed:
        raise TransactionsError(
            "Parquet is read from its end, which a stream does not have",
            where=context.path,
            remedy="Name the plain .parquet file.",
        )
    return ParquetReader(context)


def _encoding(sample: bytes, context: Context) -> Encoding:
    if context.options.encoding is not None:
        return told_encoding(context.options.encoding, sample)
    if is_stream(context.path):
        encoding = detect_encoding(sample, None, context.path)
    else:
        with open_bytes(context.path) as again:
            again.read(len(sample))
            encoding = detect_encoding(sample, again, context.path)
    if encoding.guessed:
        context.damage(
            DamageKind.ENCODING_GUESSED,
            f"the file is not UTF-8 and does not say what it is; it is read as {encoding.name}",
            "Look at names with accents; if they are wrong, say the encoding, or export the file as UTF-8.",
        )
    return encoding


def _format(sample: bytes, encoding: Encoding, context: Context) -> Format:
    """Return the shape of a text: what was given, else by its first characters, else by the suffix."""
    given = context.options.format
    if given is not None:
        return given
    name = Path(context.path)
    if context.options.skip_lines:
        return Format.CSV
    suffix = Path(name.stem).suffix.lower() if name.suffix.lower() in _PACKED else name.suffix.lower()
    text = sample.decode(encoding.name, "replace").lstrip()
    if text.startswith("[") and (suffix == ".json" or text[1:].lstrip()[:1] in ("{", "]", "")):
        return Format.JSON
    if text.startswith("{"):
        return Format.NDJSON if suffix in _SUFFIXES or _is_object(text) else Format.JSON
    if suffix == ".json":
        return Format.JSON
    return _SUFFIXES.get(suffix, Format.CSV)


def _is_object(text: str) -> bool:
    """Return whether the first line is an object by itself, or too long to tell."""
    line, newline, _ = text.partition("\n")
    if not newline and len(text) >= _SAMPLE // 2:
        return True
    try:
        return isinstance(DECODER.decode(line), dict)
    except (ValueError, RecursionError):
        return False

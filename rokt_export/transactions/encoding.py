"""Detects the encoding of a file from its first bytes, or guesses it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from rokt_export.errors import TransactionsError, UsageError
from rokt_export.transactions.compression import ByteStream

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TWO_ORDERS = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_SAVE_AS_CSV = "If Excel opens it, save it there as .xlsx or CSV; else ask for the data as CSV."
_NOT_ROWS = (
    (b"%PDF", "a PDF", "Ask for the data as CSV."),
    (b"\x89PNG", "a picture", "Name the file that contains the transactions."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV."),
    (b"{\\rtf", "a text document (RTF)", "Ask for the data as CSV."),
    (b"<!doctype html", "a web page", _SAVE_AS_CSV),
    (b"<html", "a web page", _SAVE_AS_CSV),
    (b"<table", "a table of HTML", _SAVE_AS_CSV),
    (b"<?xml", "an XML document", _SAVE_AS_CSV),
)
_LOOK_AHEAD = 8 << 20
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class FileEncoding:
    """How a file's bytes become text.

    Attributes:
        name: a codec of Python.
        errors: the codec's error handler for invalid bytes: `surrogateescape`, or `replace` for U+FFFD.
        guessed: not given, not stated by a BOM, and not valid UTF-8.
    """

    name: str
    errors: str
    guessed: bool = False


def given_encoding(name: str, sample: bytes) -> FileEncoding:
    """Return the encoding of a given name; for UTF-16 and UTF-32 without a BOM, with the byte order of the sample.

    Args:
        name: as given.
        sample: the first bytes of the file.

    Raises:
        UsageError: Python has no text encoding of that name.
    """
    try:
        codec = codecs.lookup(name)
        "a".encode(name)
        b"a-\xff".decode(name, "replace")  # some codecs, meant for single words, cannot
    except (LookupError, UnicodeError) as error:
        raise UsageError(
            f"no encoding is called “{name}”", where="--encoding", remedy="Common ones: utf-8, cp1252, utf-16."
        ) from error
    if codec.name in _TWO_ORDERS and not sample.startswith(_TWO_ORDERS[codec.name]):
        wide = _wide(sample)
        return _encoding(wide if wide is not None and wide.startswith(codec.name) else f"{codec.name}-le")
    return _encoding("utf-8-sig" if codec.name == "utf-8" else codec.name)


def detect_encoding(sample: bytes, rest: ByteStream | None, path: str) -> FileEncoding:
    """Return the encoding of a file: by its BOM, else UTF-8 if its bytes are valid UTF-8, else the most likely one.

    Args:
        sample: the first bytes of the file.
        rest: the file after the sample; up to 8 MB are searched for the first byte beyond ASCII. None = do not read on.
        path: the file's name, for messages.

    Raises:
        TransactionsError: the file is not text, such as a PDF or a picture.
    """
    _refuse_documents(sample.removeprefix(codecs.BOM_UTF8), path)
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return _encoding(name)
    _refuse_binary(sample, path)
    if (wide := _wide(sample)) is not None:
        return _encoding(wide)
    seen, chunk = sample, sample
    looked = len(sample)
    while rest is not None and chunk.isascii() and looked < _LOOK_AHEAD and (chunk := rest.read1(_CHUNK)):
        looked += len(chunk)
        seen = chunk
    if not seen.isascii() and rest is not None:
        seen += rest.read1(_CHUNK)
    if _is_utf8(seen, cut=rest is None or looked >= _CHUNK):
        return _encoding("utf-8-sig")
    return _encoding(_likeliest(seen), guessed=True)


def _encoding(name: str, *, guessed: bool = False) -> FileEncoding:
    """Return a codec with its error handler: a surrogate can replace only a single byte above 127."""
    single = name.startswith(("utf-8", "cp12", "iso8859", "latin", "mac", "koi8")) or name == "ascii"
    return FileEncoding(name, "surrogateescape" if single else "replace", guessed)


def _refuse_documents(sample: bytes, path: str) -> None:
    start = sample[:64].lstrip().lower()
    for magic, what, remedy in _NOT_ROWS:
        if start.startswith(magic.lower()):
            raise TransactionsError(f"this is {what}, not a file of rows", where=path, remedy=remedy)


def _refuse_binary(sample: bytes, path: str) -> None:
    head = sample[:8192]
    # \x01 and \x1f may be delimiters.
    odd = sum(head.count(byte) for byte in (*range(2, 9), *range(14, 26), *range(27, 31)))
    nuls = head.count(0)
    if odd * 20 > len(head) or (nuls * 10 > len(head) and _wide(sample) is None):
        raise TransactionsError(
            "this is a binary file, not a file of rows", where=path, remedy="Export the transactions as CSV or NDJSON."
        )


def _wide(sample: bytes) -> str | None:
    """Return the UTF-16 codec of text without a BOM, in which nearly every second byte is NUL; None for other text."""
    head = sample[: len(sample) & ~1][:8192]
    if len(head) < 4:
        return None
    even, odd = head[::2].count(0) * 2 / len(head), head[1::2].count(0) * 2 / len(head)
    if odd > 0.7 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.7 and odd < 0.1 else None


def _is_utf8(data: bytes, *, cut: bool) -> bool:
    """Return whether bytes are valid UTF-8; `cut`: they may start and end within a character."""
    if cut:
        lead = next((at for at in range(min(4, len(data))) if data[at] & 0xC0 != 0x80), 0)
        data = data[lead:]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, not cut)
    except UnicodeDecodeError:
        return False
    return True


_WIDE = ["utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le"]
"""Never guessed: these are recognized earlier by their BOM or NUL bytes."""


def _likeliest(data: bytes) -> str:
    """Return the most likely encoding of bytes that are not UTF-8.

    charset-normalizer recognizes scripts (Cyrillic, Japanese, Chinese), but takes our samples of cp1252 for cp1250.
    Windows and Excel write cp1252 in Western Europe and cp1250 in Central Europe.
    """
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 1 << 18], cp_exclusion=_WIDE).best()
    name = "cp1252" if best is None else codecs.lookup(best.encoding).name
    latin = ("cp125", "iso8859", "latin", "mac", "cp437", "cp85", "cp775", "cp86", "cp500", "cp1026", "cp1140", "hp")
    script = ("cp1251", "cp1253", "cp1255", "cp1256", "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8")
    if not name.startswith(latin) or name in script or "cyrillic" in name:
        return name
    return "cp1250" if _is_central_european(data) else "cp1252"


def _is_central_european(data: bytes) -> bool:
    """Return whether bytes beyond ASCII make words in cp1250 but not in cp1252.

    A sign between letters (`Pawe³`, `£ukasz`) is a letter of cp1250. S and Z with a caron, and Y with an acute, are
    rare in Western Europe; together with letters that differ (`Dvoøák`) they are Czech or Slovak.
    """
    if _SIGN_IN_WORD.search(data):
        return True
    return _CARON.search(data) is not None and _DIFFERS.search(data) is not None


_SIGN_IN_WORD = re.compile(
    rb"[A-Za-z]{3}[\xb3\xb9\xbf\xbe\x9f](?![0-9])|[a-z][\xa3\xa5\xaf\xb3\xb9\xbf\xbc\xbe\x9f](?=[a-z])"
    rb"|(?<![A-Za-z0-9])[\xa3\xa5\xaf\x8f](?=[a-z]{2})|[\x8d\x8f\x9d]"
)
_CARON = re.compile(rb"[\x8a\x8e\x9a\x9e\xdd\xfd]")
_DIFFERS = re.compile(rb"[\xc8\xcc\xcf\xd2\xd8\xd9\xe8\xec\xef\xf2\xf8\xf9\xbe\xbc]")

"""Reads JSON as it arrives: one object per line, one array, or a sequence of objects.

The standard decoder cuts the elements of an array out of growing pieces of the text; docs/decisions/0002-json-arrays.md
gives the reasons.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import Any

from rokt_export.errors import TransactionsError
from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnsReport
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.encoding import FileEncoding
from rokt_export.transactions.json_values import DECODER, ObjectShaper, RepeatedKeyError
from rokt_export.transactions.lines import CUT, HARD_LIMIT, LONG, NUL, UNDECODABLE, LineSource
from rokt_export.transactions.reader_base import Context, FilePosition, FirstRows, survey
from rokt_export.transactions.transaction import Transaction


class _ObjectReader(ABC):
    """The common part of the readers of JSON objects."""

    header: None = None

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shaper = ObjectShaper(context)

    @property
    def columns(self) -> ColumnsReport | None:
        """What became of the keys read so far."""
        return self._shaper.columns

    @property
    def carries_nothing(self) -> bool:
        """Whether there were rows, and none had anything that the spec sends."""
        return self._shaper.carries_nothing is True

    def survey(self, row: int, first: FirstRows) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read, and how many of them are problems; see `RowReader`."""
        return survey(self.transactions(row, ALL), row, first)

    @abstractmethod
    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file."""


class NdjsonReader(_ObjectReader):
    """A file with one JSON object per line.

    Args:
        stream: the file's plain bytes, from its start.
        encoding: how bytes become text.
        context: options, columns and log.
    """

    def __init__(self, stream: io.BufferedReader, encoding: FileEncoding, context: Context) -> None:
        super().__init__(context)
        self._source = LineSource(stream, encoding, context.options.max_row, newline="\n")
        self._line = 0

    @property
    def divisible(self) -> bool:
        """Whether other readers can continue at places of the file."""
        return self._source.divisible

    @property
    def taken(self) -> int:
        """Bytes read so far; those of up to one block are ahead of the rows."""
        return self._source.taken

    def place(self) -> FilePosition | None:
        """Return the place behind the last row; None where it is not known, which another one soon is."""
        start = self._source.place()
        return None if start is None else FilePosition(start, self._line, self._source.encoding)

    def move_to(self, place: FilePosition, stream: io.BufferedReader) -> None:
        """Continue at a place of the file, from which `stream` reads."""
        self._source.close()
        self._source = LineSource(stream, place.encoding, self._context.options.max_row, newline="\n")
        self._line = place.lines

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end.
        """
        source, decode, shape = self._source, DECODER.decode, self._shaper.transaction
        try:
            for line, text in enumerate(source, start=self._line + 1):
                if text.isspace():
                    continue
                row += 1
                self._line = line
                noted, source.noted = source.noted, 0
                if not share.has(row):
                    continue
                if (fault := _line_fault(noted, len(text))) is not None:
                    yield self._context.problem(row, *fault, line)
                    continue
                value: Any
                try:
                    value = decode(text)
                except (ValueError, RecursionError) as error:
                    yield self._context.problem(row, DamageKind.MALFORMED, reason_of(error), _LINE_REMEDY, line)
                else:
                    yield shape(value, row, line, ascii_only=not noted and "\\u" not in text)
        except OSError as error:
            raise self._context.cut_off(error, row) from error
        return row


_LINE_REMEDY = "Write one whole JSON object per line."


def _line_fault(noted: int, size: int) -> tuple[DamageKind, str, str] | None:
    if noted & CUT:
        return DamageKind.OVERSIZE, f"a row of over {HARD_LIMIT:,} characters", _LINE_REMEDY
    if noted & NUL:
        return DamageKind.NUL, "the row contains NUL bytes", "The file was cut or overwritten; export it again."
    if noted & LONG:
        return DamageKind.OVERSIZE, f"a row of {size:,} characters", _LINE_REMEDY
    if noted & UNDECODABLE:
        return DamageKind.UNDECODABLE, "the row contains bytes that are not UTF-8", "Export the file again as UTF-8."
    return None


def reason_of(error: Exception) -> str:
    """Return why a text is not JSON, for a person, without quoting the text."""
    match error:
        case json.JSONDecodeError():
            return f"this is not JSON: {error.msg.rstrip(':')} at column {error.colno}"
        case RepeatedKeyError():
            return f"the key “{error}” appears twice in one object"
        case RecursionError():
            return "the JSON is nested too deeply"
        case _:
            return f"this is not JSON: {error}"


_CHUNK = 1 << 16
_NEAR_END = 16
_SPACE = re.compile(r"[ \t\r\n]*")
_REMEDY = "Correct the file at this place; the rows after it cannot be found."


class JsonReader(_ObjectReader):
    """A file that is one JSON array, or a sequence of JSON objects.

    Args:
        stream: the file's plain bytes, from its start.
        encoding: how bytes become text.
        context: options, columns and log.
    """

    def __init__(self, stream: io.BufferedReader, encoding: FileEncoding, context: Context) -> None:
        super().__init__(context)
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding.name)("replace")
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def close(self) -> None:
        """Release the file."""
        self._stream.close()

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end, or is not valid JSON.
        """
        in_array = False
        try:
            if in_array := self._next() == "[":
                self._step(1)
            before = row
            while (character := self._next()) not in ("", "]"):
                if in_array and row > before:
                    self._expect(",", character, row)
                row += 1
                value, line, source = self._element(row)
                if share.has(row):
                    yield self._shaped(value, row, line, source)
            self._finish(character, row, in_array=in_array)
        except OSError as error:
            raise self._context.cut_off(error, row) from error
        return row

    def _shaped(self, value: Any, row: int, line: int, source: str) -> Transaction:
        if len(source) > self._context.options.max_row:
            message = f"a row of {len(source):,} characters"
            return self._context.problem(row, DamageKind.OVERSIZE, message, "Remove the large value.", line)
        return self._shaper.transaction(value, row, line, ascii_only=source.isascii() and "\\u" not in source)

    def _element(self, row: int) -> tuple[Any, int, str]:
        """Return the next element, its 1-based first line, and its text."""
        while True:
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except (ValueError, RecursionError) as error:
                if not self._may_be_cut(error) or not self._fill():
                    raise self._not_json(error, row) from error
                if len(self._text) - self._at > HARD_LIMIT:
                    raise self._broken(row, f"a row of over {HARD_LIMIT:,} characters", self._line) from error
                continue
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._fill():
                continue
            line, source = self._line, self._text[self._at : end]
            self._step(end - self._at)
            return value, line, source

    def _may_be_cut(self, error: Exception) -> bool:
        """Return whether an element may only be incomplete: the error is at the end of the text read so far."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _NEAR_END

    def _next(self) -> str:
        """Skip white space and return the next character without consuming it; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._step((found.end() if found else self._at) - self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def _step(self, characters: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + characters)
        self._at += characters

    def _fill(self) -> bool:
        """Read on and return whether anything arrived.

        The text of a long unfinished element is doubled each time, so that it is decoded only a few times.
        """
        if self._ended:
            return False
        rest = self._text[self._at :]
        pieces, size = [rest], 0
        wanted = len(rest) if len(rest) > _CHUNK else 1
        while size < wanted and not self._ended:
            chunk = self._stream.read1(_CHUNK)
            self._ended = not chunk
            pieces.append(self._decoder.decode(chunk, self._ended))
            size += len(pieces[-1])
        self._text, self._at = "".join(pieces), 0
        return size > 0

    def _expect(self, wanted: str, found: str, row: int) -> None:
        if found != wanted:
            raise self._broken(row + 1, f"{wanted} is missing between two elements of the array", self._line)
        self._step(1)
        if self._next() in ("", "]"):
            raise self._broken(row + 1, "an element is missing behind the last comma", self._line)

    def _finish(self, character: str, row: int, *, in_array: bool) -> None:
        if in_array and character != "]":
            raise self._broken(row, "the array is never closed: the file was cut off", self._line)
        if not in_array and character == "]":
            raise self._broken(row, "a ] closes nothing", self._line)
        if in_array:
            self._step(1)
            if self._next():
                raise self._broken(row, "text follows the end of the array", self._line)

    def _not_json(self, error: Exception, row: int) -> TransactionsError:
        if isinstance(error, json.JSONDecodeError):
            line = self._line + self._text.count("\n", self._at, error.pos)
            return self._broken(row, reason_of(error), line)
        return self._broken(row, reason_of(error), self._line)

    def _broken(self, row: int, message: str, line: int) -> TransactionsError:
        return TransactionsError(message, where=f"{self._context.path}:{line}, row {row}", remedy=_REMEDY)

"""Turns lines of JSON objects into transactions, one as soon as its line is complete; a bad line costs only itself."""

from __future__ import annotations

import io
import json
from collections.abc import Generator
from typing import Any

from rokt_export.transactions.claims import ALL, Share
from rokt_export.transactions.columns import ColumnsReport
from rokt_export.transactions.damage import DamageKind
from rokt_export.transactions.encoding import Encoding
from rokt_export.transactions.json_values import DECODER, ObjectShaper, RepeatedKeyError
from rokt_export.transactions.lines import CUT, HARD_LIMIT, LONG, NUL, UNDECODABLE, LineSource
from rokt_export.transactions.reader_base import Context, survey
from rokt_export.transactions.transaction import Transaction


class NdjsonReader:
    """A file of one JSON object a line.

    Args:
        stream: the file's plain bytes, from its start.
        encoding: how bytes become text.
        context: options, columns and log.
    """

    def __init__(self, stream: io.BufferedReader, encoding: Encoding, context: Context) -> None:
        self._context = context
        self._source = LineSource(stream, encoding, context.options.max_row, newline="\n")
        self._shaper = ObjectShaper(context)

    @property
    def columns(self) -> ColumnsReport | None:
        """What became of the keys seen so far."""
        return self._shaper.columns

    @property
    def barren(self) -> bool:
        """Whether there were rows, and none had anything that the spec sends."""
        return self._shaper.barren is True

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def survey(self, row: int) -> Generator[tuple[int, int], None, int]:
        """Yield how many rows were read further, and how many of them are problems; see `RowReader`."""
        return survey(self.transactions(row, ALL), row)

    def transactions(self, row: int, share: Share) -> Generator[Transaction, None, int]:
        """Yield a share's rows, numbered on from `row`; return the number of the last row of the file.

        Raises:
            TransactionsError: the file cannot be read to its end.
        """
        source, decode, shape = self._source, DECODER.decode, self._shaper.transaction
        try:
            for line, text in enumerate(source, start=1):
                if text.isspace():
                    continue
                row += 1
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
                    yield self._context.problem(row, DamageKind.MALFORMED, reason_of(error), _REMEDY, line)
                else:
                    yield shape(value, row, line, ascii_only=not noted and "\\u" not in text)
        except OSError as error:
            raise self._context.cut_off(error, row) from error
        return row


_REMEDY = "Write one whole JSON object per line."


def _line_fault(noted: int, size: int) -> tuple[DamageKind, str, str] | None:
    if noted & CUT:
        return DamageKind.OVERSIZE, f"a row of over {HARD_LIMIT:,} characters", _REMEDY
    if noted & NUL:
        return DamageKind.NUL, "the row holds NUL bytes", "The file was cut or overwritten; export it again."
    if noted & LONG:
        return DamageKind.OVERSIZE, f"a row of {size:,} characters", _REMEDY
    if noted & UNDECODABLE:
        return DamageKind.UNDECODABLE, "the row holds bytes that are not UTF-8", "Export the file again as UTF-8."
    return None


def reason_of(error: Exception) -> str:
    """Return in words why a text is not JSON, without quoting any of it."""
    match error:
        case json.JSONDecodeError():
            return f"this is not JSON: {error.msg.rstrip(':')} at column {error.colno}"
        case RepeatedKeyError():
            return f"the key “{error}” stands twice in one object"
        case RecursionError():
            return "the JSON is nested too deeply"
        case _:
            return f"this is not JSON: {error}"

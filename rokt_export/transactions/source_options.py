"""The options for reading the input, as one value that can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rokt_export.transactions.file_digests import FileDigests


class InputFormat(StrEnum):
    """Formats of input."""

    CSV = "csv"
    NDJSON = "ndjson"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read the input; what is None is detected.

    Attributes:
        wanted: attributes that the spec reads, to which headers are matched; None = not known.
        columns: column to attribute, from `--map`; a column that no file has is an error. `#3` is the third column.
        spec_columns: column to attribute, from the spec's `columns:`; may name columns that no file has.
        format: the format of every file; None = by content and suffix.
        encoding: a codec's name; None = by BOM, else UTF-8, else guessed and reported.
        delimiter: what separates cells; None = detected per file.
        quote: the character that quotes cells; empty = nothing quotes.
        escape: a character that escapes the next one (`\\` in MySQL's exports); None = quotes are doubled.
        header: column names for files without a header.
        skip_lines: lines of a delimited file, or rows of a sheet, before its header.
        sheet: the name of a workbook's sheet; None = the only visible one with values.
        sent: attributes that the spec sends; a file must have one of them. None or empty = not checked.
        required: attributes that every row must have, for messages.
        refuse_damage_in: attributes whose damage prevents a row from being sent; in others it is only logged.
        invented: every row is declared test data.
        refuse_invented: a row of a person that this program generated is a problem row; a guarded environment has none.
        max_row: maximum characters of a row; a longer one is a problem row and is never sent. Rows of Parquet have no
            length, and no such limit.
        keep_findings: maximum number of damages kept per kind, file and column; all are counted.
        digests: takes digests of the files while they are read; None for no digests.
    """

    wanted: frozenset[str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    spec_columns: Mapping[str, str] = field(default_factory=dict)
    format: InputFormat | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    escape: str | None = None
    header: tuple[str, ...] | None = None
    skip_lines: int = 0
    sheet: str | None = None
    sent: frozenset[str] | None = None
    required: tuple[str, ...] = ()
    refuse_damage_in: frozenset[str] = frozenset()
    invented: bool = False
    refuse_invented: bool = False
    max_row: int = 1_000_000
    keep_findings: int = 20
    digests: FileDigests | None = None

"""How to read the input, as one value that can be pickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Format(StrEnum):
    """Formats of input."""

    CSV = "csv"
    NDJSON = "ndjson"
    JSON = "json"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read the input; what is not given is detected.

    Attributes:
        wanted: attributes that the spec reads, so that headers are matched to them; None = not known.
        columns: column to attribute, from `--map`; a column that no file has is an error. `#3` means the third.
        spec_columns: column to attribute, from the spec's `columns:`; may name columns that are not there.
        format: the format of every file; None = by content and suffix.
        encoding: a codec's name; None = BOM, UTF-8, else guessed and reported.
        delimiter: what divides cells; None = detected per file.
        quote: the character that quotes cells; empty = nothing quotes.
        escape: a character that escapes the next one (`\\` in MySQL's exports); None = quotes are doubled.
        header: column names of files that have none.
        skip_lines: lines of a delimited file, or rows of a sheet, before its header.
        sheet: the name of a workbook's sheet; None = the only visible one that holds anything.
        sent: attributes of which a file must carry one, as the spec sends nothing else; None or empty = not checked.
        refuse_damage_in: attributes in which damage makes a row a problem; in others it is only logged.
        invented: every row is declared test data.
        max_row: characters a row may have; a longer one is a problem row and never sent.
        keep_findings: damages kept in full per kind, file and column; all are counted.
    """

    wanted: frozenset[str] | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    spec_columns: Mapping[str, str] = field(default_factory=dict)
    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str = '"'
    escape: str | None = None
    header: tuple[str, ...] | None = None
    skip_lines: int = 0
    sheet: str | None = None
    sent: frozenset[str] | None = None
    refuse_damage_in: frozenset[str] = frozenset()
    invented: bool = False
    max_row: int = 1_000_000
    keep_findings: int = 20

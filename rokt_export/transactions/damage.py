"""The damage found in a file of transactions: what is wrong, where, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class DamageKind(StrEnum):
    """What is wrong with a file. The values are stable: scripts may match them."""

    EXPONENT = "exponent"
    FLOAT_ID = "float_id"
    SHORT_ZIP = "short_zip"
    SERIAL_DATE = "serial_date"
    MOJIBAKE = "mojibake"
    RAGGED = "ragged"
    BLANK_ROW = "blank_row"
    QUOTING = "quoting"
    NUL = "nul"
    UNDECODABLE = "undecodable"
    OVERSIZE = "oversize"
    MALFORMED = "malformed"
    WRONG_DELIMITER = "wrong_delimiter"
    ENCODING_GUESSED = "encoding_guessed"
    DUPLICATE_HEADER = "duplicate_header"
    EMPTY_HEADER = "empty_header"
    MISSING_COLUMN = "missing_column"
    LEFTOVER = "leftover"
    INVISIBLE = "invisible"
    CLEANED = "cleaned"
    HIDDEN = "hidden"
    AMBIGUOUS = "ambiguous"
    NO_ROWS = "no_rows"
    CHANGED = "changed"

    @property
    def words(self) -> str:
        """The kind for a person, as one reads it in a list with numbers."""
        return _WORDS[self]


_WORDS = {
    DamageKind.EXPONENT: "number rounded to an exponent",
    DamageKind.FLOAT_ID: "identifier ending in .0",
    DamageKind.SHORT_ZIP: "zip code without its leading zero",
    DamageKind.SERIAL_DATE: "date as a day number",
    DamageKind.MOJIBAKE: "letters read in a wrong encoding",
    DamageKind.RAGGED: "row with too many or too few cells",
    DamageKind.BLANK_ROW: "blank row",
    DamageKind.QUOTING: "stray or unclosed quote",
    DamageKind.NUL: "NUL bytes",
    DamageKind.UNDECODABLE: "bytes not valid in the encoding",
    DamageKind.OVERSIZE: "row too long",
    DamageKind.MALFORMED: "row that is no transaction",
    DamageKind.WRONG_DELIMITER: "wrong delimiter",
    DamageKind.ENCODING_GUESSED: "encoding of the file guessed",
    DamageKind.DUPLICATE_HEADER: "column named twice",
    DamageKind.EMPTY_HEADER: "column without a name",
    DamageKind.MISSING_COLUMN: "missing column",
    DamageKind.LEFTOVER: "a program's word, error or formula instead of a value",
    DamageKind.INVISIBLE: "invisible or foreign character",
    DamageKind.CLEANED: "cleaned",
    DamageKind.HIDDEN: "hidden sheet, row or column",
    DamageKind.AMBIGUOUS: "two columns for one attribute",
    DamageKind.NO_ROWS: "no rows",
    DamageKind.CHANGED: "file changed while it was read",
}


ALTERING = frozenset(
    (
        DamageKind.EXPONENT,
        DamageKind.FLOAT_ID,
        DamageKind.SHORT_ZIP,
        DamageKind.SERIAL_DATE,
        DamageKind.MOJIBAKE,
        DamageKind.LEFTOVER,
        DamageKind.INVISIBLE,
        DamageKind.ENCODING_GUESSED,
        DamageKind.WRONG_DELIMITER,
    )
)
"""Kinds of damage that change a cell's value."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One defect of a file. Its text never contains a cell, which could be personal data.

    Attributes:
        kind: what is wrong.
        row: 1-based number of the data row in the whole input; None where the damage is not in a row.
        column: the column's name in the file; None where the damage is not in a cell.
        file: path of the file, `-` for stdin.
        line: 1-based line of the file where the row ends (JSON: begins; workbook: the sheet's row); None for Parquet.
        message: what is wrong, without a final full stop.
        remedy: what to do, as one sentence.
    """

    kind: DamageKind
    row: int | None
    column: str | None
    file: str
    line: int | None
    message: str
    remedy: str

    @property
    def where(self) -> str:
        """The place, for a person: `orders.csv:12, row 11, column zipcode`."""
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        parts = [place]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


class DamageLog:
    """Counts all damages, and keeps the first of each kind, file and column, in the order found.

    Memory is bounded even if every row is damaged.

    Args:
        keep: maximum number of damages kept per kind, file and column.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._ignores = False
        self._kept: list[Damage] = []
        self._counts: Counter[DamageKind] = Counter()
        self._groups: Counter[tuple[DamageKind, str, str | None]] = Counter()

    def add(self, damage: Damage) -> None:
        """Count a damage; keep it unless enough of its kind, file and column are kept."""
        if self._ignores:
            return
        group = (damage.kind, damage.file, damage.column)
        self._groups[group] += 1
        self._counts[damage.kind] += 1
        if self._groups[group] <= self._keep:
            self._kept.append(damage)

    def add_all(self, damages: Sequence[Damage], more: Mapping[DamageKind, int]) -> None:
        """Add the damages that another log kept of a file, and count those that it did not keep."""
        for damage in damages:
            self.add(damage)
        self._counts.update(more)

    @contextmanager
    def ignoring(self) -> Iterator[None]:
        """Ignore what is added meanwhile, because another reader adds it."""
        self._ignores = True
        try:
            yield
        finally:
            self._ignores = False

    @property
    def damages(self) -> tuple[Damage, ...]:
        """The damages kept, in the order found."""
        return tuple(self._kept)

    @property
    def counts(self) -> Mapping[DamageKind, int]:
        """How often each kind was found, including the damages not kept."""
        return MappingProxyType(dict(self._counts))

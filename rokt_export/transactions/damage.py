"""Turns what is wrong with a file of transactions into a short list of damages, each with its place and its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class DamageKind(StrEnum):
    """What happened to a file; the values are stable, scripts may match them."""

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
    AMBIGUOUS = "ambiguous"
    NO_ROWS = "no_rows"
    CHANGED = "changed"


ALTERING = frozenset(
    (
        DamageKind.EXPONENT,
        DamageKind.FLOAT_ID,
        DamageKind.SHORT_ZIP,
        DamageKind.SERIAL_DATE,
        DamageKind.MOJIBAKE,
        DamageKind.LEFTOVER,
        DamageKind.ENCODING_GUESSED,
        DamageKind.WRONG_DELIMITER,
    )
)
"""Damage after which a cell still has a value, and another than was meant."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong with a file; its text never holds a cell, which could be personal data.

    Attributes:
        kind: what happened.
        row: 1-based number of the data row in the whole input, or None where the file as a whole is meant.
        column: the column's name in the file, or None where the row as a whole is meant.
        file: path of the file, `-` for stdin.
        line: 1-based line of the file where the row ends (for JSON: begins), or None where the format has no lines.
        message: what is wrong, in one sentence without a final full stop.
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
        """Return the place as a person reads it: `orders.csv:12, row 11, column zipcode`."""
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        parts = [place]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            parts.append(f"column {self.column}")
        return ", ".join(parts)


class DamageLog:
    """Damages in the order found: every one is counted, the first of each kind, file and column are kept.

    The cap keeps memory flat on a file whose every row is damaged in the same way.

    Args:
        keep: how many damages of one kind, file and column are kept in full.
    """

    def __init__(self, keep: int = 20) -> None:
        self._keep = keep
        self._kept: list[Damage] = []
        self._counts: Counter[DamageKind] = Counter()
        self._groups: Counter[tuple[DamageKind, str, str | None]] = Counter()

    def add(self, damage: Damage) -> None:
        """Count a damage, and keep it while its kind, file and column have not been seen too often."""
        group = (damage.kind, damage.file, damage.column)
        self._groups[group] += 1
        self._counts[damage.kind] += 1
        if self._groups[group] <= self._keep:
            self._kept.append(damage)

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Return the damages kept, in the order found."""
        return tuple(self._kept)

    @property
    def counts(self) -> Mapping[DamageKind, int]:
        """Return how often each kind was found, also beyond the damages kept."""
        return MappingProxyType(dict(self._counts))

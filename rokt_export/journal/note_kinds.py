"""A kind of note of a run: JSON under a key, decoded by its type, so that another shape is damage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import msgspec
from sqlalchemy import Connection, select

from rokt_export.journal.column_types import blob
from rokt_export.journal.damage import readable
from rokt_export.journal.schema import note

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NoteKind(Generic[T]):
    """The notes under one key.

    Attributes:
        key: of the note.
        type: T, as msgspec decodes it.
    """

    key: str
    type: Any

    def decode(self, value: object) -> T:
        """Return what a note says.

        Raises:
            ValueError: its value is of another type, no JSON, or JSON of another shape.
        """
        return cast("T", msgspec.json.decode(blob(value), type=self.type))

    def read(self, connection: Connection, run_no: int) -> T | None:
        """Return a run's note of this kind; None where it has none.

        Raises:
            JournalError: the note is damaged.
        """
        value = connection.scalar(select(note.c.value).where(note.c.run_no == run_no, note.c.key == self.key))
        if value is None:
            return None
        with readable(f"the note `{self.key}`", (connection, run_no)):
            return self.decode(value)

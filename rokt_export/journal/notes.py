"""The notes of a run: what each key stands for, and how all of them are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import orjson
from msgspec import Meta
from sqlalchemy import Connection, select

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal import certifications, revisions, run_records
from rokt_export.journal.column_types import blob
from rokt_export.journal.damage import readable
from rokt_export.journal.note_kinds import NoteKind
from rokt_export.journal.schema import note

_Rows = Annotated[list[int], Meta(min_length=1)]
"""Numbers of rows, at least one."""


class _Latencies(TypedDict):
    lowest: float
    highest: float
    classes: list[tuple[int, int]]


class _Figures(TypedDict):
    """What `RunFigures.as_json` gives."""

    rows: int
    attempts: int
    invented: int
    rules: dict[str, int]
    latencies: _Latencies
    first_sent: float | None
    last_sent: float | None
    without: NotRequired[dict[str, dict[str, int]]]


class _Omitted(TypedDict):
    """What `OmittedValues.as_json` gives."""

    values: dict[str, int]
    first: dict[str, _Rows]
    partial: bool


class _Finished(TypedDict):
    reason: str
    message: str | None


class _NotSent(TypedDict):
    rows: int
    first: list[int]


KINDS: Mapping[str, NoteKind[Any]] = {
    kind.key: kind
    for kind in (
        certifications.NOTE,
        certifications.SIGNED,
        revisions.NOTE,
        revisions.COVERAGE,
        run_records.TAKEN_OVER,
        NoteKind("expected", OutcomeKind),
        NoteKind("figures", _Figures | None),
        NoteKind("finished", _Finished | None),
        NoteKind("left_out", dict[str, int]),
        NoteKind("not_sent", dict[str, _NotSent]),
        NoteKind("notes", list[str]),
        NoteKind("omitted", _Omitted),
        NoteKind("openapi", dict[str, _Rows]),
        NoteKind("spec_text", str),
    )
}
"""Key to kind of all notes that runs make."""


def decoded(key: str, value: object) -> Any:
    """Return what a note says; one whose key is not known may be any JSON.

    Raises:
        ValueError: its value is of another type, no JSON, or JSON of another shape.
    """
    kind = KINDS.get(key)
    return orjson.loads(blob(value)) if kind is None else kind.decode(value)


def notes_of(connection: Connection, run_no: int) -> dict[str, Any]:
    """Return the notes of a run, by key.

    Raises:
        JournalError: one is damaged.
    """
    kept = connection.execute(select(note.c.key, note.c.value).where(note.c.run_no == run_no).order_by(note.c.key))
    found: dict[str, Any] = {}
    for key, value in kept:
        with readable(f"the note `{key}`", (connection, run_no)):
            found[key] = decoded(key, value)
    return found

"""The options of a run, which commands that go on after it need: JSON whose shape is checked where it is read."""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from rokt_export.exchange.model import OutcomeKind
from rokt_export.journal.column_types import blob


class _Options(TypedDict, total=False):
    """Those that commands keep; the journal takes any other too."""

    flags: dict[str, Any]
    only: list[tuple[int, int]] | None
    outcomes: list[OutcomeKind]
    env_file: str | None
    spec_path: str
    stamps: list[tuple[str, int | None, int | None]]
    digests: dict[str, str]
    rows: int | None
    target: str | None
    plugins: list[str]
    provisional: list[str]
    counted: dict[str, int]


def decoded_options(value: object) -> dict[str, Any]:
    """Return the options that a run's record has.

    Raises:
        ValueError: the value is of another type, no JSON, or JSON of another shape.
    """
    options: dict[str, Any] = msgspec.json.decode(blob(value), type=dict[str, Any])
    msgspec.convert(options, _Options)
    return options

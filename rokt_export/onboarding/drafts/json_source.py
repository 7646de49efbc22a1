"""Read a JSON file that a tool has exported, and choose one of the requests in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import orjson

from rokt_export.errors import DocumentError, UsageError
from rokt_export.read_whole import read_whole
from rokt_export.redaction.display_text import cut

MAX_BYTES = 100_000_000
"""Largest export that is read: a HAR with the bodies of a whole session."""
T = TypeVar("T")


def read_export(path: Path, kind: str) -> Mapping[str, Any]:
    """Return the mapping in a JSON file.

    Args:
        path: the file.
        kind: what it should be, for messages: `a HAR`.

    Raises:
        DocumentError: it cannot be read, is too large, or is no JSON mapping.
    """
    where = str(path)
    try:
        raw = read_whole(path, MAX_BYTES).removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DocumentError(f"this file cannot be read: {error.strerror}", where=where, remedy="Check it.") from error
    if len(raw) > MAX_BYTES:
        raise DocumentError(
            f"this file has more than {MAX_BYTES:,} bytes", where=where, remedy="Export the one request alone."
        )
    if raw.lstrip()[:1] == b"<":
        raise DocumentError(f"this is a web page, not {kind}", where=where, remedy="Download the file itself.")
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DocumentError(
            f"this is not JSON: {error.msg}", where=f"{where}:{error.lineno}:{error.colno}", remedy="Export it again."
        ) from error
    if not isinstance(found, dict):
        raise DocumentError(f"this is not {kind}", where=where, remedy="Check which file you gave.")
    return found


def choose(named: Sequence[tuple[str, int, T]], wanted: str | None, where: str) -> T:
    """Return the request that the user named, or the only one that fits.

    Args:
        named: name, rank (see `ranking`) and request of each.
        wanted: its name, or a part of it that only one has.
        where: the file, for messages.

    Raises:
        DocumentError: there is none at all.
        UsageError: none or several of that name, or several fit.
    """
    if not named:
        raise DocumentError("there is no request in it", where=where, remedy="Export the one that creates an entry.")
    ranked = sorted(named, key=lambda each: -each[1])
    found = [each for each in ranked if each[1] > 0] if wanted is None else []
    if wanted is not None:
        text = wanted.lower()
        found = [each for each in ranked if each[0].lower() == text] or [
            each for each in ranked if text in each[0].lower()
        ]
        if not found:
            near = get_close_matches(text, [name.lower() for name, _, _ in named], n=3, cutoff=0.4)
            names = [name for name, _, _ in ranked if name.lower() in near] or [name for name, _, _ in ranked[:5]]
            raise UsageError(
                f"there is no request `{cut(wanted, 80)}`", where=where, remedy=f"The nearest: {', '.join(names)}."
            )
    if len(found) == 1 or (len(named) == 1 and not found):
        return (found or ranked)[0][2]
    listed = [cut(name, 110) for name, _, _ in (found or ranked)[:10]]
    head = f"{len(found)} requests fit, best first" if found else "no request looks like creating a person; there are"
    name = (found or ranked)[0][0]
    raise UsageError(f"{head}:", where=where, remedy=f'Name one: --request "{cut(name, 110)}"', listed=listed)


def mapping_of(value: Any) -> Mapping[str, Any]:
    """Return a value that should be a mapping; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def mappings_in(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings of what should be a list of them."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []

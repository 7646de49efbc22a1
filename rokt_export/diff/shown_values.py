"""Write values, changes of values and shares for a line of a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Final

from rokt_export.redaction.well_formed import NUMBER_MARK
from rokt_export.response.value_text import abridged
from rokt_export.spec_language.filters import text_of

_PIECES: Final = re.compile(r"<[^<>]*>|\((?:the sent )?\w+\)|\s+|[^\s<(]+|[<(]")
_AROUND: Final = 3
"""Pieces that are shown on each side of what differs."""
_LONGEST_CHANGE: Final = 160
_SHOWN_WHOLE: Final = 60
_MOST_PIECES: Final = 400


def scalar_text(value: Any) -> str:
    """Return a scalar as text, a number that redaction hid as its token."""
    return value.removesuffix(NUMBER_MARK) if value.__class__ is str else text_of(value)


def shown(text: str) -> str:
    """Return a value for a line of a report."""
    return abridged(text.replace("‹host›", "(host)").replace("‹path›", "(path)"), _SHOWN_WHOLE) or '""'


def shown_pair(a: str, b: str) -> tuple[str, str]:
    """Return two values for a line of a report; of long ones the words that differ, and those around."""
    whole = shown(a), shown(b)
    if max(len(a), len(b)) <= _SHOWN_WHOLE or a == b:
        return whole
    of_a, of_b = _PIECES.findall(a), _PIECES.findall(b)
    if max(len(of_a), len(of_b)) > _MOST_PIECES:
        return _from_first_difference(a, b)
    parts: tuple[list[str], list[str]] = ([], [])
    matcher = SequenceMatcher(None, of_a, of_b, autojunk=False)
    for group in matcher.get_grouped_opcodes(_AROUND):
        for side, pieces, (start, end) in (
            (parts[0], of_a, (group[0][1], group[-1][2])), (parts[1], of_b, (group[0][3], group[-1][4])),
        ):  # fmt: skip
            text = "".join(pieces[start:end]).strip()
            side.append(f"{'…' * (start > 0 and not side)}{text}{'…' * (end < len(pieces))}")
    found = abridged(" ".join(parts[0]), _LONGEST_CHANGE), abridged(" ".join(parts[1]), _LONGEST_CHANGE)
    return found if found[0] != found[1] else _from_first_difference(a, b)


def _from_first_difference(a: str, b: str) -> tuple[str, str]:
    same = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    start = max(0, same - _SHOWN_WHOLE // 3)
    return shown("…" * (start > 0) + a[start:]), shown("…" * (start > 0) + b[start:])


def shown_change(a: Any, b: Any) -> str:
    """Return two scalars as a change, `active → pending`."""
    return " → ".join(shown_pair(scalar_text(a), scalar_text(b)))


def percent(count: int, total: int) -> str:
    """Return a share as `45 %`; one below 1 % with two significant digits."""
    share = 100 * count / total
    return f"{share:.0f} %" if share >= 1 else f"{share:.2g} %"


def change_of_shares(counts: Sequence[int], number: int) -> str:
    """Return the share that each side's count is of as many rows, as a change: `0 % → 45 %`."""
    return " → ".join(percent(count, number) for count in counts)

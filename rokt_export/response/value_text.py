"""Describe conditions and values in words."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from rokt_export.spec_language.filters import text_of
from rokt_export.spec_language.rules import Condition

SHOWN = 100
"""Characters of a value that explanations show."""


def described(condition: Condition) -> str:
    """Return what a condition wants, in words."""
    words: list[str] = []
    if condition.has_equals:
        words.append(quoted(condition.equals))
    if condition.one_of is not None:
        words.append("one of " + ", ".join(quoted(each) for each in condition.one_of))
    for key in ("contains", "prefix", "suffix", "regex"):
        text = getattr(condition, key)
        if text is not None:
            words.append(f"{_KEYS[key]} `{text}`")
    if condition.compare is not None:
        words.append(f"a number {condition.compare.strip()}")
    for key in ("exists", "absent", "empty"):
        flag = getattr(condition, key)
        if flag is not None:
            words.append(_FLAGS[key, flag])
    for key, inner in (("any", condition.any), ("every", condition.every), ("not", condition.not_)):
        if inner is not None:
            words.append(f"{_KEYS[key]} ({described(inner)})")
    manner = [name for name in ("ignore_case", "strict") if getattr(condition, name)]
    return " and ".join(words or ["something"]) + (f" ({', '.join(manner).replace('_', ' ')})" if manner else "")


_KEYS = {
    "contains": "containing",
    "prefix": "starting with",
    "suffix": "ending with",
    "regex": "matching",
    "any": "one that is",
    "every": "each of them",
    "not": "not",
}
_FLAGS = {
    ("exists", True): "anything",
    ("exists", False): "nothing there",
    ("absent", True): "nothing there",
    ("absent", False): "anything",
    ("empty", True): "empty",
    ("empty", False): "not empty",
}


def statuses_text(ranges: Sequence[tuple[int, int]]) -> str:
    """Return ranges of statuses: `200`, `200-299 or 409`."""
    return " or ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def quoted(value: Any) -> str:
    """Return a value in backticks."""
    if value is None:
        return "`null`"
    if isinstance(value, (list, tuple, dict)):
        return f"`{abridged(compact(value) or '…')}`"
    return f"`{abridged(text_of(value))}`"


def shown(values: Sequence[Any]) -> str | None:
    """Return the values found, for a person; None where there are none."""
    if not values:
        return None
    listed = ", ".join(quoted(value) for value in values[:3])
    return listed + (f" and {len(values) - 3} more" if len(values) > 3 else "")


def compact(value: Any) -> str | None:
    """Return a list or mapping as compact JSON; None where it is nested too deeply to be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        return None


def abridged(text: str, limit: int = SHOWN) -> str:
    """Return text for one line of a report: cleaned, with single blanks, cut at a limit of characters."""
    line = " ".join(clean(text[: limit * 4]).split())
    return line if len(line) <= limit and len(text) <= limit * 4 else line[: limit - 1] + "…"


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Return text that a journal can store and a terminal can show.

    Control characters and lone surrogates become U+FFFD: PostgreSQL refuses a NUL, UTF-8 a surrogate, and an escape
    sequence of a partner must not reach the terminal.
    """
    if text.isprintable():  # fast, and true of nearly every text
        return text
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def same_look(text: str) -> str:
    """Return text with look-alike characters made one (Unicode NFKC), white space as one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).split())

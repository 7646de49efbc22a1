"""Parses a parameter's name (`a.b[0].c`, `fields[name=email].value`) into steps through a body."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct

from rokt_export.redaction.display_text import cut


class Key(Struct, frozen=True):
    """A member of an object, a child element, an attribute (`@id`) or an element's text (`#text`)."""

    name: str


class Index(Struct, frozen=True):
    """An element of an array by its 0-based number; numbers without an element are skipped."""

    number: int


class Append(Struct, frozen=True):
    """`[]`: one more element of an array."""


class ElementMatch(Struct, frozen=True):
    """`[name=email]`: the element of an array whose member `name` is `email`; it is added if needed."""

    key: str
    value: str


NameStep: TypeAlias = Key | Index | Append | ElementMatch

_TOKEN = re.compile(
    r"""
    (?:^|\.)(?P<key>[^.\[\]'"]+)                          # a or .a
    | (?:^|\.)?\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]   # ['a.b']
    | \[(?P<index>\d+)\]                                  # [0]
    | \[(?P<append>)\]                                    # []
    | \[(?P<match>[^=\[\]]+)=(?P<value>[^\]]*)\]          # [name=email]
    """,
    re.VERBOSE,
)


DEEPEST = 100
"""Maximum steps of a name: writers and readers of bodies go down step by step."""
_MOST_DIGITS = 15
_SHOWN = 38


@lru_cache(maxsize=4096)
def steps(name: str) -> tuple[NameStep, ...]:
    """Return the steps of a nested name. If the first is not a `Key`, the root is an array (JSON).

    Raises:
        ValueError: the name does not follow the grammar; the message says where.
    """
    found: list[NameStep] = []
    at = 0
    while at < len(name):
        token = _TOKEN.match(name, at)
        if token is None or name[0] == ".":
            raise ValueError(
                f"`{cut(name, _SHOWN)}` is not a parameter name: it cannot be read from `{cut(name[at:], _SHOWN)}` on"
            )
        if len(found) == DEEPEST:
            raise ValueError(f"`{cut(name, _SHOWN)}` is nested too deeply: a name has at most {DEEPEST} steps")
        found.append(_step(token))
        at = token.end()
    if not found:
        raise ValueError("a parameter name cannot be empty")
    return tuple(found)


def in_record(name: str) -> tuple[str, str] | None:
    """Return a nested name as its array and the name in one element: `a.items[].b` is `a.items` and `b`.

    None for a name without `[]`.

    Raises:
        ValueError: the name does not follow the grammar.
    """
    at = 0
    for step in steps(name):
        token = _TOKEN.match(name, at)
        end = at if token is None else token.end()
        if isinstance(step, Append):
            return name[:at], name[end:].removeprefix(".")
        at = end
    return None


def _step(token: re.Match[str]) -> NameStep:
    groups = token.groupdict()
    if groups["key"] is not None:
        return Key(groups["key"])
    if groups["quoted"] is not None:
        return Key(groups["quoted"])
    if groups["index"] is not None:
        if len(groups["index"]) > _MOST_DIGITS:
            raise ValueError(f"an index has at most {_MOST_DIGITS} digits, not {len(groups['index']):,}")
        return Index(int(groups["index"]))
    if groups["append"] is not None:
        return Append()
    return ElementMatch(groups["match"], groups["value"].strip("'\""))

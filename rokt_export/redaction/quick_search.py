"""Tell in one quick search whether a text may hold something that is then searched for exactly."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any

_DELETED = bytes(code for code in range(128) if not chr(code).isalnum())
_LOWER = bytes(code + 32 if 65 <= code <= 90 else code for code in range(256))
_LONGEST = 12
"""Letters and digits of a piece that are searched for: a text without them does not hold the piece."""
_MEMORY = 64 << 20
"""Bytes that the automaton may take; a hundred secrets take a tenth."""


class QuickSearch:
    """Regular expressions of RE2 that are only asked which of them match: linear, and quick however many they are.

    Args:
        sources: the expressions; letter case does not matter.
    """

    def __init__(self, *sources: str) -> None:
        self._sources = sources

    def found_in(self, data: bytes) -> bool:
        """Return whether any of them matches anywhere in ASCII."""
        return bool(self._set.Match(data))

    def which_in(self, data: bytes) -> Collection[int]:
        """Return the places, from 0, of the expressions that match anywhere in ASCII."""
        return self._set.Match(data) or ()

    @cached_property
    def _set(self) -> Any:
        import re2  # most commands redact nothing, and it takes a few milliseconds to load

        options = re2.Options()
        options.max_mem = _MEMORY
        options.case_sensitive = False
        found = re2.Set.SearchSet(options)
        for source in self._sources:
            found.Add(source)
        found.Compile()
        return found


class SecretScreen:
    """Tells whether a text may hold any secret at all: nearly none does, and each row has texts.

    Args:
        pieces: texts, one of which each text that gives a secret away holds when both are without letter case,
            blanks and punctuation.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        wanted = {_normal(piece)[:_LONGEST].decode() for piece in pieces if piece.isascii()}
        self._search = QuickSearch("|".join(sorted(wanted)))

    def may_hold_any(self, text: str) -> bool:
        """Return whether a text may hold a piece; True for a text with encoded or non-ASCII characters."""
        if not text.isascii() or "%" in text or "\\" in text or "&" in text or "=" in text:
            return True
        return self._search.found_in(_normal(text))


def _normal(text: str) -> bytes:
    return text.encode().translate(_LOWER, _DELETED)

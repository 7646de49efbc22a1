"""Marks what we say ourselves, so that hiding a person called `Is` does not take the `is` out of it."""

from __future__ import annotations

from collections.abc import Iterable


class OwnWords(str):
    """A text that holds nothing of a row and no secret: only our words, and names that stand in the spec."""

    __slots__ = ()

    @staticmethod
    def joined(texts: Iterable[str], separator: str) -> str:
        """Return texts as one, which is our own if all of them are."""
        parts = list(texts)
        together = separator.join(parts)
        return OwnWords(together) if all(isinstance(part, OwnWords) for part in parts) else together

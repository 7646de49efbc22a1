"""The fingerprints of rows that came by lately, in bounded memory."""

from __future__ import annotations

from collections.abc import Collection

RECENT = 4096
"""Rows remembered after they were chosen: more than a feed reads ahead, so that by then they are in the journal."""


class RecentMarks:
    """Remembers fingerprints, at least the last `least` of them.

    Two sets take turns: the older one is dropped when the other has as many fingerprints as must be remembered.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._older: set[bytes] = set()
        self._recent: set[bytes] = set()

    def update(self, marks: Collection[bytes]) -> None:
        """Remember fingerprints."""
        if len(self._recent) > self._least:
            self._older, self._recent = self._recent, set()
        self._recent.update(marks)

    def __contains__(self, mark: bytes) -> bool:
        """Return whether a fingerprint is remembered."""
        return mark in self._recent or mark in self._older

    def among(self, marks: Collection[bytes]) -> set[bytes]:
        """Return those of the fingerprints that are remembered."""
        return self._recent.intersection(marks) | self._older.intersection(marks)

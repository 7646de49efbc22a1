"""The rows that a writer has intended and not settled, each with the batch on disk that it stands in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from rokt_export.journal.intents import Item


class Underway:
    """What a writer remembers of its own batches. It learns of a change once the journal has it.

    Attributes:
        marks: the fingerprints of the rows under way.
    """

    def __init__(self) -> None:
        self.marks: set[bytes] = set()
        self._batches: dict[int, Mapping[int, Item]] = {}
        self._open: dict[int, set[int]] = {}
        self._batch_of: dict[int, int] = {}

    @property
    def numbers(self) -> Collection[int]:
        """The numbers of its batches."""
        return self._open.keys()

    def begin(self, number: int, batch: Mapping[int, Item]) -> None:
        """Take in a batch; rows that are under way already are in this one from now on."""
        self.end(self.among(batch))
        self._batches[number] = batch
        self._open[number] = set(batch)
        self._batch_of.update(dict.fromkeys(batch, number))
        self.marks.update(mark for _, mark in batch.values() if mark is not None)

    def end(self, rows: Collection[int]) -> None:
        """Let go of rows; those that are not under way are passed over."""
        if self.marks:
            self.marks.difference_update(mark for row in rows if (mark := self.mark_of(row)) is not None)
        for number in self._touched(rows):
            left = self._open[number]
            left.difference_update(rows)
            if not left:
                del self._batches[number], self._open[number]
        forget = self._batch_of.pop
        for row in rows:
            forget(row, None)

    def among(self, rows: Collection[int]) -> list[int]:
        """Return those of the rows that are under way."""
        return [] if self._batch_of.keys().isdisjoint(rows) else [row for row in rows if row in self._batch_of]

    def batches_of(self, rows: Collection[int], otherwise: int) -> list[int]:
        """Return the number of each row's batch, or another where it is in none."""
        number_of = self._batch_of.get
        return [number_of(row, otherwise) for row in rows]

    def mark_of(self, row: int) -> bytes | None:
        """Return the fingerprint of a row under way."""
        number = self._batch_of.get(row)
        return None if number is None else self._batches[number][row][1]

    def emptied(self, rows: Collection[int]) -> list[int]:
        """Return the batches that have no open row once these rows are let go of."""
        return [number for number in self._touched(rows) if self._open[number].issubset(rows)]

    def without(self, rows: Collection[int]) -> Iterator[tuple[int, dict[int, Item]]]:
        """Yield each batch that the rows stand in, and what is open of it besides them."""
        for number in self._touched(rows):
            left = self._open[number].difference(rows)
            yield number, {row: item for row, item in self._batches[number].items() if row in left}

    def _touched(self, rows: Collection[int]) -> set[int]:
        numbers: set[int | None] = set(map(self._batch_of.get, rows))
        return {number for number in numbers if number is not None}

"""Rows that share a request: what is shown of one may name another, whose data it must not give away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rokt_export.delivery.redaction_clues import clue
from rokt_export.delivery.redaction_screen import written_plainly
from rokt_export.delivery.redaction_setup import PersonalData
from rokt_export.exchange.model import Exchange
from rokt_export.transactions.transaction import Transaction

_MOST = 100_000
"""Characters of a text times rows that it names, at most, for it to be redacted: a quarter of a second."""


def requests_in(exchanges: Sequence[Exchange]) -> Iterator[tuple[tuple[Transaction, ...], list[int]]]:
    """Yield the transactions of each request that carried several real people, and the places of its exchanges."""
    for _, places in groupby(range(len(exchanges)), key=lambda place: id(exchanges[place].together)):
        found = [*places]
        together = exchanges[found[0]].together
        if not all(each.invented for each in together):
            yield together, found


class RequestCompanions:
    """Finds the rows of a request that texts name, by their values as they are written or encoded for the way.

    What only a row's own values are hidden in, digests, dates and what is packed in base64, is not looked for.

    Args:
        personal: knows a row's personal values.
        transactions: of the request.
        clues: theirs, as `PersonalData.clues` returns them.
    """

    def __init__(
        self, personal: PersonalData, transactions: Sequence[Transaction], clues: Sequence[Sequence[str]]
    ) -> None:
        self._personal = personal
        self._transactions = transactions
        self._clues = clues[1:]
        self._hidden: dict[str, tuple[str, ...] | None] = {}

    def named_in(self, texts: Sequence[str]) -> dict[int, list[int]]:
        """Return, by the place of each text that names rows, the places of these rows."""
        lines = [clue(written_plainly(text)).replace("\n", " ") for text in texts]
        together = "\n".join(lines)
        found: dict[int, dict[int, None]] = {}
        hits = [(one, row) for column in self._clues for row, one in enumerate(column) if one in together]
        for one, row in hits:
            for place, line in enumerate(lines):
                if one in line:
                    found.setdefault(place, {})[row] = None
        return {place: list(rows) for place, rows in found.items()}

    def values(self, rows: Sequence[int]) -> tuple[str, ...]:
        """Return the personal values of some rows."""
        texts = (text for row in rows for text in self._personal.of(self._transactions[row]))
        return tuple(dict.fromkeys(texts))

    def hidden_in(self, text: str) -> tuple[str, ...] | None:
        """Return the values to be hidden in a longer text; None where they are too many to look for in it."""
        if text not in self._hidden:
            rows = self.named_in([text]).get(0, [])
            self._hidden[text] = None if len(text) * len(rows) > _MOST else self.values(rows)
        return self._hidden[text]

"""What stands for each outcome besides its colour, so that colour is never the only difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rokt_export.exchange.model import OutcomeKind


@dataclass(frozen=True, slots=True)
class Sign:
    """How an outcome looks.

    Attributes:
        ascii: the same for a terminal that knows no more.
        meaning: the outcome in a few words, for the tech contact.
    """

    mark: str
    ascii: str
    style: str
    meaning: str


SIGNS: Mapping[str, Sign] = {
    OutcomeKind.DELIVERED: Sign("✓", "+", "green", "accepted as a new record"),
    OutcomeKind.DUPLICATE: Sign("≈", "=", "cyan", "known already"),
    OutcomeKind.REJECTED: Sign("✗", "x", "red", "refused for what it holds"),
    OutcomeKind.FAILED: Sign("!", "!", "red", "a failure of the service or of the way to it"),
    OutcomeKind.UNCLASSIFIED: Sign("?", "?", "magenta", "answered in a way that no response rule explains"),
    OutcomeKind.INVALID: Sign("∅", "-", "yellow", "never sent: the row does not satisfy the spec"),
    OutcomeKind.UNKNOWN: Sign("…", "~", "yellow", "sent, perhaps: no answer came back"),
}

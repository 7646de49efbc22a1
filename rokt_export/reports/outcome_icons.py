"""The icon, style and short description of each outcome; an icon, so that colour is never the only difference."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from rokt_export.exchange.model import OutcomeKind


class OutcomeIcon(Struct, frozen=True):
    """How an outcome looks.

    Attributes:
        ascii: the same for a terminal that knows no more.
        meaning: the outcome in a few words.
    """

    mark: str
    ascii: str
    style: str
    meaning: str


SIGNS: Mapping[str, OutcomeIcon] = {
    OutcomeKind.DELIVERED: OutcomeIcon("✓", "+", "green", "accepted as a new record"),
    OutcomeKind.DUPLICATE: OutcomeIcon("≈", "=", "cyan", "the partner had it already"),
    OutcomeKind.REJECTED: OutcomeIcon("✗", "x", "red", "rejected because of its data"),
    OutcomeKind.FAILED: OutcomeIcon("!", "!", "red", "service or network failure"),
    OutcomeKind.UNCLASSIFIED: OutcomeIcon("?", "?", "magenta", "no response rule matches the response"),
    OutcomeKind.INVALID: OutcomeIcon("∅", "-", "yellow", "never sent: the row does not meet the spec"),
    OutcomeKind.UNKNOWN: OutcomeIcon("…", "~", "yellow", "may have been received: no response came"),
}

"""Tells which texts may hold something personal: one look at a batch spares nearly all of its rows a redaction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from operator import contains

from rokt_export.delivery.secrecy import PersonalData
from rokt_export.transactions.model import Transaction

_LONGEST = 300
_PLAIN = re.compile(rf"[\w.:|-]{{0,{_LONGEST}}}", re.ASCII)
_ALL_PLAIN = re.compile(r"[\w.:|\n-]*", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32,}")
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}
_SHORTEST_HASH = min(_HASHES)
_TELLING = 7
"""A shorter value inside a longer word or number is chance: the zip code 10001 in the identifier tx100010."""
_ABSENT: tuple[str, ...] = ("",)
"""Stands for the values of a row that nothing is known of; told from others by its identity."""


class Screen:
    """Looks at what is shown of a row twice: when it is intended, and with its answer.

    Args:
        personal: knows a row's personal values.
    """

    def __init__(self, personal: PersonalData) -> None:
        self._personal = personal
        self._values: dict[int, tuple[str, ...]] = {}

    def before(self, transactions: Sequence[Transaction], texts: Sequence[str]) -> list[int]:
        """Return the places to redact in what is shown of rows that are about to be sent."""
        columns = self._personal.columns(transactions)
        if columns is not None:
            self._values.update(zip([each.row for each in transactions], zip(*columns, strict=True), strict=False))
        return places_to_redact(transactions, texts, self._personal, columns)

    def after(self, transactions: Sequence[Transaction], texts: Sequence[str]) -> list[int]:
        """Return the places to redact in what is shown of rows that are over."""
        values = [self._values.pop(each.row, _ABSENT) for each in transactions]
        columns: Sequence[Sequence[str]] | None
        if any(one is _ABSENT or len(one) != len(values[0]) for one in values):
            columns = self._personal.columns(transactions)  # one was never sent, or they have different attributes
        else:
            columns = list(zip(*values, strict=True))
        return places_to_redact(transactions, texts, self._personal, columns)

    def forget(self, transactions: Sequence[Transaction]) -> None:
        """Take note that rows are not sent after all."""
        for each in transactions:
            self._values.pop(each.row, None)


def places_to_redact(
    transactions: Sequence[Transaction],
    texts: Sequence[str],
    personal: PersonalData,
    columns: Sequence[Sequence[str]] | None,
) -> list[int]:
    """Return the places of the texts that are more than plain identifiers without any of their row's values.

    What may be harmful is found in the batch as a whole, and only that is looked at row by row.

    Args:
        transactions: the rows.
        texts: what is to be shown of each.
        personal: knows a row's personal values.
        columns: these values, as `PersonalData.columns` gives them.
    """
    folded = "\n".join(texts).casefold().split("\n")
    if columns is None or len(folded) != len(texts):
        suspects = set(range(len(texts)))
    else:
        suspects = {*places_not_plain(texts), *_digests(folded)}
        for column in columns:
            if any(map(contains, folded, column)):
                suspects.update(place for place, value in enumerate(column) if value and value in folded[place])
    return [place for place in sorted(suspects) if not _is_harmless(transactions[place], texts[place], personal)]


def places_not_plain(texts: Sequence[str]) -> list[int]:
    """Return the places of the texts that are no plain identifiers."""
    together = "\n".join(texts)
    as_many = together.count("\n") < len(texts)  # none has a line break of its own
    if as_many and _ALL_PLAIN.fullmatch(together) and max(map(len, texts)) <= _LONGEST:
        return []
    return [place for place, text in enumerate(texts) if not _PLAIN.fullmatch(text)]


def _digests(folded: Sequence[str]) -> Iterator[int]:
    """Yield the places of texts that may be the hash of a value."""
    if max(map(len, folded), default=0) >= _SHORTEST_HASH:
        yield from (place for place, text in enumerate(folded) if _DIGEST.search(text))


def _is_harmless(transaction: Transaction, text: str, personal: PersonalData) -> bool:
    if transaction.invented:
        return True
    if not _PLAIN.fullmatch(text):
        return False
    folded = text.casefold()
    digest = _DIGEST.search(folded)
    for value in personal.raw(transaction):
        sought = value.strip().casefold()
        if sought in folded and _stands_in(sought, folded):
            return False
        if digest is not None and _is_digest(sought, digest[0]):
            return False
    return True


def _is_digest(value: str, hexadecimal: str) -> bool:
    """Whether a partner calls a record by the hash of an address, as Mailchimp does."""
    name = _HASHES.get(len(hexadecimal))
    return name is not None and hashlib.new(name, value.encode(), usedforsecurity=False).hexdigest() == hexadecimal


def _stands_in(value: str, text: str) -> bool:
    if len(value) >= _TELLING:
        return True
    same = str.isdigit if value.isdigit() else str.isalpha
    at = text.find(value)
    while value and at >= 0:
        end = at + len(value)
        if not (same(text[at - 1 : at]) or same(text[end : end + 1])):
            return True
        at = text.find(value, at + 1)
    return False

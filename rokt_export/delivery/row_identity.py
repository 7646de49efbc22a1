"""Says when two rows are the same transaction, whatever else a file tells of it."""

from __future__ import annotations

from typing import TypeAlias
from unicodedata import normalize

import orjson

from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.transactions.transaction import IDENTITIES, Transaction, Value

Identity: TypeAlias = tuple[str, ...]
"""The attributes by which rows are distinguished, in alphabetical order."""


def identity_of(spec: PartnerSpec) -> Identity:
    """Return the attributes that make a row what it is for a partner: those that its spec reads, and its names.

    Two rows of one person with the same data are two transactions where they are called differently.
    """
    return tuple(sorted(attribute_names(spec).union(IDENTITIES)))


def canonical_row(transaction: Transaction, identity: Identity, *, as_written: bool = False) -> bytes:
    """Return a row's content as bytes: the same row has the same in any file, whatever columns stand beside it.

    What is absent in one kind of file is empty in another, and null in a third. Blanks around a value and the Unicode
    form of its letters make no other row, except `as_written`, for the ledgers of older versions.
    """
    values = transaction.values
    parts = {name: value for name in identity if (value := values.get(name))}
    if not as_written:
        parts = {name: plain for name, value in parts.items() if (plain := _plain(value))}
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)


def _plain(value: Value) -> Value:
    if not isinstance(value, str):
        return value
    return value.strip() if value.isascii() else normalize("NFC", value).strip()

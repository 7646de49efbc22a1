"""Says when two rows are the same transaction, whatever else a file tells of it."""

from __future__ import annotations

from typing import TypeAlias

import orjson

from rokt_export.partner_spec.model import PartnerSpec
from rokt_export.partner_spec.references import attribute_names
from rokt_export.transactions.model import IDENTITIES, Transaction

Identity: TypeAlias = tuple[str, ...]
"""The attributes by which rows are told apart, in alphabetical order."""


def identity_of(spec: PartnerSpec) -> Identity:
    """Return the attributes that make a row what it is for a partner: those that its spec reads, and its names.

    Two rows of one person with the same data are two transactions where they are called differently.
    """
    return tuple(sorted(attribute_names(spec).union(IDENTITIES)))


def canonical_row(transaction: Transaction, identity: Identity) -> bytes:
    """Return a row's content as bytes: the same row has the same in any file, whatever columns stand beside it.

    What is absent in one kind of file is empty in another, and null in a third.
    """
    values = transaction.values
    told = {name: value for name in identity if (value := values.get(name))}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)

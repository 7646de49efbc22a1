"""The transaction: one engagement with a placement, as named values with their place in the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"
"""A cell. Numbers and booleans of JSON are the text in the file (`1.10`, `true`), so that
no digit is lost; `None` is a null the source states; a key that is not there is absent."""


IDENTITIES = ("transactionid", "confirmationref")
"""The attributes that say what both sides call a transaction; the first that a row has."""


class Transaction(Struct, frozen=True, gc=False):
    """One row to deliver.

    Attributes:
        row: 1-based number of the data row in the whole input (header not counted), the key of every report.
        id: what both sides call it: the `transactionid` or `confirmationref` attribute, else `row-<n>`.
        values: attribute name to cell, after column mapping. Never mutated.
        invented: generated or declared test data, not a real person.
        problem: why the source could not read this row as a transaction (`3 cells where the header has 10`);
            such a row is reported `invalid` and never sent.
    """

    row: int
    id: str
    values: Mapping[str, Value]
    invented: bool = False
    problem: str | None = None
